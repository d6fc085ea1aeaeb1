// What joins one account's page to the server and to the browser's other tabs: what the browser
// keeps for it, the dialogs, and the events from there on.

import { draft_begin, draft_end } from './draft.js';
import { events_begin, events_end, events_hear, events_lead } from './events.js';
import { dialogs_load } from './load.js';
import { outbox_begin, outbox_end, outbox_hear, outbox_run } from './outbox.js';
import { presence_look } from './presence.js';
import { state } from './state.js';
import { store_batches_drop, store_close, store_forget, store_open } from './store.js';
import { tabs_begin, tabs_end } from './tabs.js';
import { wait_again } from './wait.js';

const REPAIRS = 4;              // more within REPAIRS_MS are no repair
const REPAIRS_MS = 60000;

let on = null;                  // whom sync_begin was told of
let repairs = [];               // when the cursor was void

// Opens what this browser keeps for state.me: drafts and messages on their way.
export async function sync_open() {
    const { me } = state;
    await store_open(me.id);
    if (state.me === me) await Promise.all([draft_begin(), outbox_begin()]);
}

// Joins in. `to` hears every event (`apply`), whether the server answers (`link`), that this page
// cannot be brought up to date though it does (`stuck`), that the dialogs are loaded (`synced`).
export function sync_begin(to) {
    on = to;
    repairs = [];
    tabs_begin(state.me.id, {
        lead() {
            events_lead();
            outbox_run();
        },
        hear(message) {
            if (message.kind === 'outbox') outbox_hear(message);
            else events_hear(message);
        },
        others: presence_look,
    });
    return dialogs_sync();
}

// Asks nothing of the server any more, until sync_begin.
export function sync_pause() {
    events_end();
    tabs_end();
}

// Ends for this person, who may come back: what is kept stays.
export function sync_end() {
    sync_pause();
    draft_end();
    outbox_end();
    store_batches_drop();
    store_close();
}

// Ends for good: nothing stays.
export function sync_forget(user_id) {
    sync_end();
    return store_forget(user_id);
}

// Loads the dialogs and goes on from their cursor.
async function dialogs_sync() {
    const { me } = state;
    for (let tries = 0; state.me === me; tries++) {
        try {
            const cursor = await dialogs_load();
            if (!cursor || state.me !== me) return;
            on.link(true);
            events_begin(cursor, { apply: on.apply, link: on.link, reset: sync_repair });
            return on.synced();
        } catch (problem) {
            if (problem.status === 401) return;
            on.link(false);
            await wait_again(tries, problem);
        }
    }
}

// The cursor is void: all is loaded anew; slowly, and told, where that happens again and again.
async function sync_repair(problem) {
    const { me } = state;
    events_end();
    repairs = [...repairs.filter((at) => Date.now() - at < REPAIRS_MS), Date.now()];
    const stuck = repairs.length > REPAIRS;
    if (stuck) on.stuck();
    await wait_again(stuck ? 6 : repairs.length - 1, problem);
    if (state.me === me) await dialogs_sync();
}
