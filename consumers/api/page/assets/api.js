// Requests to the API of the same server: the token, the errors in words, and what this server offers.

const TOKEN = "wirewatch.token";

/** The server refused, or did not answer (status 0). `message` is for people. */
export class ApiError extends Error {
  constructor(status, refusal, message) {
    super(message);
    this.status = status;
    this.refusal = refusal;
  }
}

let askForToken = async () => null;

/** Who is asked for a token when the server wants one: an async function of the reason that resolves to it or null. */
export const onTokenWanted = (ask) => { askForToken = ask; };

export const hasToken = () => Boolean(sessionStorage.getItem(TOKEN));

export function forgetToken() {
  sessionStorage.removeItem(TOKEN);
}

/** Headers of every request. */
export function authorised(headers = {}) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
}

/**
 * One request. Resolves to `{data, etag, status}`, with `data` parsed JSON or null. Throws ApiError. When the server
 * wants a token the reader is asked for one, and the request is made again.
 */
export async function request(method, path, { body, query, headers, signal } = {}) {
  const address = query ? `${path}?${new URLSearchParams(present(query))}` : path;
  const content = body === undefined ? {} : { "Content-Type": "application/json" };
  const send = () => fetch(address, {
    method,
    headers: authorised({ Accept: "application/json", ...content, ...headers }),
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal,
  }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null, "The server does not answer.");
  });
  let answer = await send();
  while (answer.status === 401) {
    const refusal = await parsed(answer);
    if (!(await supplyToken(refusal))) throw new ApiError(401, refusal, "A token is needed to see this.");
    answer = await send();
  }
  const data = await parsed(answer);
  if (!answer.ok) throw new ApiError(answer.status, data, told(answer.status, data));
  return { data, etag: answer.headers.get("ETag"), status: answer.status };
}

let asking = null;

/** Ask for a token once, however many requests need it; resolves to whether there is one. */
export async function supplyToken(refusal) {
  asking ??= askForToken(refusal).finally(() => { asking = null; });
  const token = await asking;
  if (token) sessionStorage.setItem(TOKEN, token);
  return Boolean(token);
}

export const get = async (path, query, signal) => (await request("GET", path, { query, signal })).data;

function present(query) {
  return Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
}

async function parsed(answer) {
  const text = await answer.text().catch(() => "");
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function told(status, data) {
  const detail = data?.detail;
  if (status === 403) return detail ?? "This token may not do that.";
  if (status === 404) return detail ?? "It is not there any more.";
  if (status === 429) return "Too many requests; wait a moment.";
  if (status === 503) return detail ? `Not available: ${detail}` : "The server is not ready.";
  return detail ?? `The server answered ${status}.`;
}

const offered = new Set();

/** Ask what this server offers; parts of the page without their endpoints are then left out. */
export async function discover() {
  const { endpoints } = await get("/");
  offered.clear();
  for (const each of Object.keys(endpoints ?? {})) offered.add(each);
}

/** Whether the server has an endpoint, written as `PUT /v1/alerts/{}/verdict` (names of parameters do not matter). */
export function offers(endpoint) {
  if (offered.has(endpoint)) return true;
  for (const each of offered) if (each.replace(/\{[^}]*\}/gu, "{}") === endpoint) return true;
  return false;
}
