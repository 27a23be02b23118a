import type { JsonValue } from './json.ts';

/** `true` when two types are the same shape, optional fields included: keeps a schema and an interface in step. */
export type SameShape<A, B> =
  (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false;

/** A type without the marks of how it was written (intersections, interfaces); JSON values are one leaf. */
type Plain<T> = [JsonValue] extends [T] ? 'json' : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
