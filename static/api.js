// One call to the server: JSON in, JSON out, every trouble a Problem.

import { text_problem } from './text.js';

const BASE = '/api/v1';

// What went wrong: `status` is 0 when the server could not be reached or did not speak JSON; `code`
// and `field` are the problem document's, `title` says it in the reader's language; `retry_ms` is
// what Retry-After asked for.
export class Problem extends Error {
    constructor(status, doc, retry_ms = 0) {
        super(doc.title);
        const { code, field } = doc;
        const title = text_problem(code, doc.title);
        Object.assign(this, { status, code, title, field, retry_ms });
    }

    // True where the same request may well succeed a little later.
    get passing() {
        return this.status === 0 || this.status === 429 || this.status >= 500;
    }
}

let ended = () => {};

// Names who is told that the session is over: any 401 but the one that says "wrong password".
export function api_on_ended(fn) {
    ended = fn;
}

function retry_after_ms(response) {
    const value = response.headers.get('Retry-After');
    if (!value) return 0;
    const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
    return Math.min(Math.max(ms, 0) || 0, 3600000);
}

// `signal` aborts the call; it then fails like an unreachable server does, so the caller asks the
// signal.
export async function api_call(method, path, body, { timeout_ms = 20000, signal } = {}) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeout_ms);
    signal?.addEventListener('abort', () => abort.abort());
    const headers = { Accept: 'application/json, application/problem+json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response, reply;
    try {
        response = await fetch(BASE + path, {
            method, headers, signal: abort.signal, cache: 'no-store', credentials: 'same-origin',
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        reply = response.status === 204 ? null : await response.json();
    } catch {
        const status = response && !response.ok ? response.status : 0;
        throw new Problem(status, { code: 'unreachable', title: 'The server cannot be reached' });
    } finally {
        clearTimeout(timer);
    }
    if (response.ok) return reply;
    const problem = new Problem(response.status, reply, retry_after_ms(response));
    if (problem.status === 401 && problem.code !== 'bad_credentials') ended();
    throw problem;
}
