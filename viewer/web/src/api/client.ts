// Questions to the server over HTTP. Each has a deadline and can be called off; each failure is a `Refused` that says
// in words what happened. Nothing is cached here.
import type { Alert, Answer, CityInfo, Entity, Hit, Series } from "./types";

const DEADLINE_MS = 10_000;
/** Questions in SQL may take longer; the server has a deadline of its own. */
const QUESTION_DEADLINE_MS = 120_000;

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

async function request(
  path: string,
  init: RequestInit,
  signal?: AbortSignal,
  deadlineMs = DEADLINE_MS,
): Promise<Response> {
  const deadline = AbortSignal.timeout(deadlineMs);
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
  } catch (error) {
    if (calledOff(error)) throw error;
    throw new Refused(0, error instanceof Error ? error.message : String(error));
  }
  if (!response.ok) throw new Refused(response.status, await explain(response));
  return response;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { headers: { accept: "application/json" } }, signal);
  return (await response.json()) as T;
}

function asked(sql: string, more: object): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sql, ...more }),
  };
}

/** Asks in SQL; at most `limit` rows come back. */
export async function askSql(sql: string, limit: number, signal?: AbortSignal): Promise<Answer> {
  const response = await request("/sql", asked(sql, { limit }), signal, QUESTION_DEADLINE_MS);
  return (await response.json()) as Answer;
}

/** The answer as a file, and why rows are missing in it, if any are. */
export async function downloadSql(
  sql: string,
  format: "csv",
): Promise<{ file: Blob; truncated: string | null }> {
  const response = await request("/sql", asked(sql, { format }), undefined, QUESTION_DEADLINE_MS);
  return { file: await response.blob(), truncated: response.headers.get("urbis-truncated") };
}

/** The records of alarms after a number; null where the server has no rules. */
export async function getAlerts(since: number, signal?: AbortSignal): Promise<Alert[] | null> {
  try {
    return (await get<{ alerts: Alert[] }>(`/alerts?since=${since}&limit=10000`, signal)).alerts;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/** Notes that somebody has seen an alert; needs a key for writing. */
export async function acknowledge(number: number, by: string, key: string): Promise<void> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const body = JSON.stringify({ by });
  await request(`/alerts/${number}/acknowledge`, { method: "POST", headers, body });
}

/** What city this is. */
export const getInfo = (signal?: AbortSignal) => get<CityInfo>("/api/info", signal);

/** The instant of a question, for its address; null asks of the present. */
const asOf = (atMs: number | null) => (atMs === null ? "" : `datetime=${new Date(atMs).toISOString()}`);

/** Everything known of one thing, as it stands or as it was. */
export const getEntity = (id: string, atMs: number | null, signal?: AbortSignal) =>
  get<Entity>(`/api/entities/${encodeURIComponent(id)}?${asOf(atMs)}`, signal);

/** Things that match a name, an id or a code, as they are called or were called. */
export const search = (q: string, atMs: number | null, signal?: AbortSignal, limit = 20) =>
  get<Hit[]>(`/api/search?q=${encodeURIComponent(q)}&limit=${limit}&${asOf(atMs)}`, signal);

/** The newest readings of a datastream, now or by an instant, oldest first. */
export const getSeries = (id: number | string, atMs: number | null, signal?: AbortSignal, limit = 500) =>
  get<Series>(`/api/datastreams/${encodeURIComponent(id)}/observations?limit=${limit}&${asOf(atMs)}`, signal);

/** Where the receipt of an asset is downloaded. */
export const receiptUrl = (id: string) => `/assets/${encodeURIComponent(id)}/receipt`;
