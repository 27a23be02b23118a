import type { JsonObject } from '../../program/json.ts';
import { Refusal } from './refusal.ts';

/** A call of MLflow's protocol: what was asked, and the parts of its path that the route leaves open. */
export interface Call {
  body: JsonObject;
  path: readonly string[];
}

/** What answers a call, with the JSON of the answer. */
export type Route = (call: Call) => JsonObject | Promise<JsonObject>;

/** Routes by `METHOD path`, the path being what follows `/api/VERSION/mlflow/`; `*` stands for one segment of it. */
export type Routes = Readonly<Record<string, Route>>;

const API = /^\/(?:ajax-)?api\/[23]\.0\/(mlflow|mlflow-artifacts)\/(.*)$/;

/**
 * What a path asks for, whichever version and prefix it was written with.
 * @throws Refusal ENDPOINT_NOT_FOUND it is none of this protocol
 */
export function apiPath(path: string): { service: 'mlflow' | 'mlflow-artifacts'; rest: string } {
  const [, service, rest] = API.exec(path) ?? [];
  if (service === undefined || rest === undefined) throw unknownRoute(path);
  return { service: service as 'mlflow' | 'mlflow-artifacts', rest: rest.replace(/\/$/, '') };
}

/** @throws Refusal ENDPOINT_NOT_FOUND there is none */
export function findRoute(routes: Routes, method: string, rest: string): { route: Route; path: string[] } {
  const named = ownRoute(routes, `${method} ${rest}`);
  if (named) return { route: named, path: [] };
  const segments = rest.split('/').map(decoded);
  for (const [pattern, route] of Object.entries(routes)) {
    if (!pattern.includes('*') || !pattern.startsWith(`${method} `)) continue;
    const wanted = pattern.slice(method.length + 1).split('/');
    const fits =
      wanted.length === segments.length &&
      wanted.every((each, index) => each === '*' || each === segments[index]);
    if (fits) return { route, path: segments.filter((_, index) => wanted[index] === '*') };
  }
  throw unknownRoute(rest);
}

/** A segment of a path without its percent signs. @throws Refusal they stand for no text */
export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal('INVALID_PARAMETER_VALUE', 'the path is not percent-encoded UTF-8');
  }
}

function ownRoute(routes: Routes, name: string): Route | undefined {
  return Object.hasOwn(routes, name) ? routes[name] : undefined;
}

function unknownRoute(path: string): Refusal {
  return new Refusal('ENDPOINT_NOT_FOUND', `nothing answers at ${path.slice(0, 200)}`);
}
