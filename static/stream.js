// The same events by a stream (EventSource), where the address says ?transport=sse. The long poll
// works everywhere, and finds out why a stream broke.

import { presence_say } from './presence.js';
import { tabs_poll } from './tabs.js';

// Then a stream is opened anew: a dead one looks like a silent one, and only the opening says that
// the person is still active.
const OPEN_MS = 60000;
const FAILURES = 2;             // as often not opened, it is asked for no more

let failures = new URLSearchParams(location.search).get('transport') === 'sse' ? 0 : FAILURES;
let polls = 0;                  // polls to make before the next stream

// Whether a stream is to be tried now, and not a poll.
export function stream_is_wanted() {
    return failures < FAILURES && polls-- <= 0;
}

// Follows the events after `cursor` until the stream breaks or `signal` ends it. `take(batch)` gets
// them as if they came by poll; `open()` is told that the server answers; `end()` aborts `signal`.
export async function stream_follow(cursor, { take, open, end }, signal) {
    const query = new URLSearchParams({ cursor, state: presence_say(end), tab: tabs_poll() });
    const source = new EventSource(`/api/v1/events?${query}`);
    const timer = setTimeout(end, OPEN_MS);
    let taken = Promise.resolve();
    source.addEventListener('open', () => {
        failures = 0;
        open();
    });
    source.addEventListener('message', (message) => {
        const batch = {
            from: cursor, cursor: message.lastEventId || cursor, events: [JSON.parse(message.data)],
        };
        cursor = batch.cursor;
        taken = taken.then(() => take(batch));
    });
    failures++;                 // until it opens
    await new Promise((done) => {
        signal.addEventListener('abort', done);
        source.addEventListener('error', () => {
            polls = 1;
            done();
        });
    });
    clearTimeout(timer);
    source.close();
    await taken;
}
