// Questions to the server over HTTP. Each has a deadline and can be called off; each failure is a `Refused` that says
// in words what happened. Nothing is cached here.
import type { CityInfo, Entity, Hit, Series } from "./types";

const DEADLINE_MS = 10_000;

/** The server said no, or did not answer. `status` is 0 when there was no answer. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "Refused";
  }
}

/** True for the failure that comes from calling a question off oneself. */
export function calledOff(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function explain(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { description?: unknown };
    if (typeof body.description === "string") return body.description;
  } catch {
    // Not JSON: the status has to do.
  }
  return `${response.status} ${response.statusText}`.trim();
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      headers: { accept: "application/json" },
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
  } catch (error) {
    if (calledOff(error)) throw error;
    throw new Refused(0, error instanceof Error ? error.message : String(error));
  }
  if (!response.ok) throw new Refused(response.status, await explain(response));
  return (await response.json()) as T;
}

/** What city this is. */
export const getInfo = (signal?: AbortSignal) => get<CityInfo>("/api/info", signal);

/** Everything known of one thing. */
export const getEntity = (id: string, signal?: AbortSignal) =>
  get<Entity>(`/api/entities/${encodeURIComponent(id)}`, signal);

/** Things that match a name, an id or a code. */
export const search = (q: string, signal?: AbortSignal, limit = 20) =>
  get<Hit[]>(`/api/search?q=${encodeURIComponent(q)}&limit=${limit}`, signal);

/** The newest readings of a datastream, oldest first. */
export const getSeries = (id: number | string, signal?: AbortSignal, limit = 500) =>
  get<Series>(`/api/datastreams/${encodeURIComponent(id)}/observations?limit=${limit}`, signal);

/** Where the receipt of an asset is downloaded. */
export const receiptUrl = (id: string) => `/assets/${encodeURIComponent(id)}/receipt`;
