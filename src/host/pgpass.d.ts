declare module 'pgpass' {
  /** Looks for a password in the file that PostgreSQL's own clients read. */
  export default function pgpass(
    login: { host: string; port: number; database: string; user: string },
    take: (password: string | undefined) => void,
  ): void;
}
