// Where this page stands in the log of events, and how it gets on: the leading tab polls, the
// others take what it got. A batch is applied only where it goes on from where the page stands.

import { api_call } from './api.js';
import { presence_say } from './presence.js';
import { store_batch, store_batch_from } from './store.js';
import { stream_follow, stream_is_wanted } from './stream.js';
import { tabs_leads, tabs_poll, tabs_tell } from './tabs.js';
import { wait, wait_again, wait_watch } from './wait.js';

const WAIT_S = 25;
const SPARE_MS = 15000;  // a poll unanswered for this long past its time has lost its connection
const EMPTY_MS = 1000;  // a server that answers at once with nothing is not asked in a tight circle

// {cursor, to, polling: the AbortController of the leader's loop, catching, missed}
let place = null;

// Stands at `cursor` from now on. `to.apply(event)` gets each event, those of the log in order and
// once; `to.reset(problem)` is told that the cursor is void and nothing more comes; `to.link(ok)`
// whether the server answers.
export function events_begin(cursor, to) {
    events_end();
    place = { cursor, to, polling: null, catching: false, missed: false };
    events_lead();
}

export function events_end() {
    place?.polling?.abort();
    place = null;
}

// Polls where this tab leads; else asks the one that does where it stands.
export function events_lead() {
    if (!place) return;
    place.polling?.abort();
    place.polling = null;
    if (!tabs_leads()) return tabs_tell({ kind: 'where' });
    place.polling = new AbortController();
    poll_run(place, place.polling.signal);
    place_tell();
}

function place_tell() {
    const { cursor } = place;
    tabs_tell({ kind: 'batch', from: cursor, cursor, events: [] });
}

// What another tab says about events.
export function events_hear(message) {
    if (!place) return;
    if (message.kind === 'where' && tabs_leads()) place_tell();
    if (tabs_leads()) return;
    if (message.kind === 'link') place.to.link(message.ok);
    if (message.kind === 'batch' && !batch_apply(place, message)) catch_up(place, message);
}

/* ---- batches ---- */

function event_apply(at, event) {
    try {
        at.to.apply(event);
    } catch (trouble) {
        console.error('perch: event', event.type, trouble);
    }
}

// Answers whether it went on from where the page stands.
function batch_apply(at, { from, cursor, events }) {
    if (at !== place || from !== at.cursor) return false;
    for (const event of events) event_apply(at, event);
    at.cursor = cursor;
    return true;
}

// The leader's: applied, kept, then told.
async function batch_take(at, { from, cursor, events }) {
    if (!batch_apply(at, { from, cursor, events })) return false;
    if (cursor !== from) await store_batch({ from, cursor, events });
    if (events.length) tabs_tell({ kind: 'batch', from, cursor, events });
    return true;
}

// Gets from where the page stands to where the leader is, by what the browser keeps, else by the
// server. What came outside the log goes with `batch` whatever the position.
async function catch_up(at, batch) {
    for (const event of batch.events) if (!event.seq) event_apply(at, event);
    if (batch.cursor === at.cursor) return;
    if (at.catching) {
        at.missed = true;
        return;
    }
    Object.assign(at, { catching: true, missed: false });
    let kept;
    do kept = await store_batch_from(at.cursor);
    while (kept && at.cursor !== batch.cursor && batch_apply(at, kept));
    let more = at.cursor !== batch.cursor;
    for (let tries = 0; more && at === place;) {
        try {
            const query = new URLSearchParams({ cursor: at.cursor, wait: 0 });
            const reply = await api_call('GET', `/events?${query}`);
            more = !batch_apply(at, reply) || reply.more;
        } catch (problem) {
            if (at !== place || problem.status === 401) break;
            if (cursor_is_void(problem)) return at.to.reset(problem);
            await wait_again(tries++, problem);
        }
    }
    at.catching = false;
    if (at.missed && at === place) tabs_tell({ kind: 'where' });
}

/* ---- the poll ---- */

function cursor_is_void(problem) {
    return problem.status === 410 || problem.code === 'bad_cursor';
}

function link_tell(at, ok) {
    at.to.link(ok);
    tabs_tell({ kind: 'link', ok });
}

async function poll_run(at, signal) {
    for (let failures = 0; !signal.aborted;) {
        const ask = new AbortController();
        const end = () => ask.abort();
        signal.addEventListener('abort', end);
        const unwatch = wait_watch((cut) => cut && end());
        try {
            if (stream_is_wanted()) await stream_once(at, ask.signal, end);
            else await poll_once(at, ask.signal, end, failures ? 0 : WAIT_S);
            failures = 0;
        } catch (problem) {
            if (signal.aborted || problem.status === 401) return;
            if (ask.signal.aborted) continue;
            if (cursor_is_void(problem)) return at.to.reset(problem);
            if (failures) link_tell(at, false);
            await wait_again(failures++, problem);
        } finally {
            signal.removeEventListener('abort', end);
            unwatch();
        }
    }
}

// One poll, and the pause that the server wants after it. `end` asks for another poll at once: who
// comes back or goes away says so with it. Where the last poll failed this one does not wait
// (`wait_s`), so that the page soon knows that the server answers.
async function poll_once(at, signal, end, wait_s) {
    const asked_at = Date.now();
    const { cursor } = at;
    const query = new URLSearchParams(
        { cursor, wait: wait_s, state: presence_say(end), tab: tabs_poll() });
    const reply = await api_call('GET', `/events?${query}`, undefined,
        { signal, timeout_ms: wait_s * 1000 + SPARE_MS });
    link_tell(at, true);
    if (reply.superseded) tabs_poll(true);
    const fits = await batch_take(at, reply);
    const empty = wait_s && !reply.events.length && !reply.more
        && Date.now() - asked_at < EMPTY_MS;
    const pause_ms = Math.max(reply.after_ms || 0, empty || !fits ? EMPTY_MS : 0);
    if (pause_ms) await wait(pause_ms);
}

function stream_once(at, signal, end) {
    const open = () => link_tell(at, true);
    return stream_follow(at.cursor, { open, end, take: (batch) => batch_take(at, batch) }, signal);
}
