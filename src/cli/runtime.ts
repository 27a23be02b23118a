/** Version of this tool, kept equal to package.json by a test. */
export const RUNTIME = '0.1.0';
