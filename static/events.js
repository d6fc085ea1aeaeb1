// The long poll: one waiting request at a time, each reply applied only where it fits.

import { api_call } from './api.js';
import { presence_bye, presence_say } from './presence.js';
import { uuid_new, wait, wait_again } from './wait.js';

const WAIT_S = 25;
const SPARE_MS = 15000;  // a poll unanswered for this long past its time has lost its connection
const EMPTY_MS = 1000;  // a server that answers at once with nothing is not asked in a tight circle

let running = null;          // the AbortController of the loop that counts
let tab = uuid_new();

addEventListener('pagehide', () => { if (running) presence_bye(tab); });

// Polls from `cursor` until events_stop or another start. `to.apply(event)` gets each event once
// and in order; `to.reset()` is told that the cursor is void and the loop over; `to.link(ok)`
// whether the server answers.
export function events_start(cursor, to) {
    events_stop();
    running = new AbortController();
    events_run(cursor, to, running.signal);
}

export function events_stop() {
    running?.abort();
    running = null;
}

async function events_run(cursor, to, signal) {
    let failures = 0;
    while (!signal.aborted) {
        const asked_at = Date.now();
        const poll = new AbortController();
        const end = () => poll.abort();
        signal.addEventListener('abort', end);
        // Who comes back or goes away says so at once, with another poll.
        const query = new URLSearchParams({ cursor, wait: WAIT_S, state: presence_say(end), tab });
        let reply;
        try {
            reply = await api_call('GET', `/events?${query}`, undefined,
                { signal: poll.signal, timeout_ms: WAIT_S * 1000 + SPARE_MS });
        } catch (problem) {
            if (signal.aborted || problem.status === 401) return;
            if (poll.signal.aborted) continue;
            if (problem.status === 410 || problem.code === 'bad_cursor') {
                await wait_again(0, problem);
                return signal.aborted || to.reset();
            }
            if (failures) to.link(false);
            await wait_again(failures++, problem);
            continue;
        } finally {
            signal.removeEventListener('abort', end);
        }
        if (signal.aborted) return;
        failures = 0;
        to.link(true);
        if (reply.superseded) tab = uuid_new();
        const fits = reply.from === cursor;
        if (fits) {
            for (const event of reply.events) {
                try {
                    to.apply(event);
                } catch (trouble) {
                    console.error('perch: event', event.type, trouble);
                }
            }
            cursor = reply.cursor;
        }
        const empty = !reply.events.length && !reply.more && Date.now() - asked_at < EMPTY_MS;
        const pause_ms = Math.max(reply.after_ms || 0, empty || !fits ? EMPTY_MS : 0);
        if (pause_ms) await wait(pause_ms);
    }
}
