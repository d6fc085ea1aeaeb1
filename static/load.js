// Fills the state from the server: the dialogs, the histories, the people nobody has told of yet.

import { api_call } from './api.js';
import {
    dialog_ensure, dialog_mark, dialog_put, dialog_recount, history_extend, history_new,
    settings_put, state, state_on_change, state_touch, user_put,
} from './state.js';
import { text } from './text.js';
import { wait_again } from './wait.js';

const DIALOGS = '/dialogs?limit=100';
const PAGE = 50;
const MANY = 25;                // with more unread than this, a dialog opens where they begin

let begun = {};                 // what load_begin() asked for: {dialogs, page, peer_id}

// Asks at once for what a page that is being opened shows first, so that all of it comes in one
// round: the dialogs, and the newest messages of that person's if there is one.
export function load_begin(peer_id) {
    begun = { peer_id, dialogs: api_call('GET', DIALOGS) };
    if (peer_id !== null) begun.page = page_get({ peer_id }, {});
    for (const call of [begun.dialogs, begun.page]) call?.catch(() => {});
}

export function load_forget() {
    begun = {};
}

// Asks who one is by now.
export async function me_load() {
    const { me } = state;
    const reply = await api_call('GET', '/me').catch(() => null);
    if (reply && state.me === me) settings_put(reply);
}

// The user if known; else asks for it, once, and answers a nameless one meanwhile.
export function user_get(id) {
    const known = state.users.get(id);
    if (known) return known;
    const user = { id, username: '', display_name: '…', unknown: true };
    state.users.set(id, user);
    api_call('GET', `/users/${id}`).then(
        (reply) => user_put({ ...reply.user, unknown: false }),
        async (problem) => {
            if (problem.status === 404)
                return user_put({ id, display_name: text('nobody'), missing: true });
            await wait_again(2, problem);
            if (state.users.get(id) === user) state.users.delete(id);
            state_touch();
        });
    return user;
}

// Loads the dialogs anew and answers the cursor from which to poll. Histories are forgotten,
// because only what is read after that cursor was drawn is sure to meet the events without a gap.
// Further pages follow on their own.
export async function dialogs_load() {
    const { me } = state;
    const { dialogs } = begun;
    delete begun.dialogs;
    const first = await (dialogs ?? api_call('GET', DIALOGS));
    if (state.me !== me) return null;
    state.dialogs.clear();
    state.histories.clear();
    first.dialogs.forEach(dialog_put);
    state.ready = true;
    state_touch();
    dialogs_load_rest(me, first.next);
    return first.cursor;
}

async function dialogs_load_rest(me, after) {
    for (let tries = 0; after && state.me === me; tries++) {
        const query = new URLSearchParams({ limit: 100, after });
        try {
            const page = await api_call('GET', `/dialogs?${query}`);
            if (state.me !== me) return;
            page.dialogs.forEach(dialog_put);
            after = page.next;
            tries = 0;
        } catch (problem) {
            if (!problem.passing) return;
            await wait_again(tries, problem);
        }
        state_touch();
    }
}

// Moves the caller's own mark, here and on the server.
export async function dialog_read(peer_id, upto) {
    const { me } = state;
    const counts = () => state.me === me && state.dialogs.get(peer_id)?.read_upto === upto;
    if (!dialog_mark(peer_id, upto)) return;
    for (let tries = 0; counts(); tries++) {
        try {
            return await api_call('PUT', `/dialogs/${peer_id}/read`, { upto });
        } catch (problem) {
            if (!problem.passing) return;
            await wait_again(tries, problem);
        }
    }
}

// The history of a dialog; the first call begins to load it: the newest page, or, where many are
// unread, what stands around the beginning of those. It takes events from that moment on, so that
// what arrives while the page is on its way is not lost.
export function history_get(peer_id) {
    const { unread, read_upto } = state.dialogs.get(peer_id) ?? {};
    return state.histories.get(peer_id) ?? history_anew(peer_id, unread > MANY ? read_upto : 0);
}

// Begins the history of a dialog anew: around that message or, for 0, with the newest page.
export function history_anew(peer_id, around = 0) {
    const history = history_new(peer_id);
    state.histories.set(peer_id, history);
    history_begin(history, around);
    return history;
}

// Forgets a history that is not at the newest: nobody looks at what they once jumped to.
export function history_leave(peer_id) {
    const history = state.histories.get(peer_id);
    if (history && history.upto !== Infinity && !history.loading) state.histories.delete(peer_id);
}

// Around a message, or with the newest page, for which may have been asked already; that may have
// been answered before the cursor was drawn, so it is only good to look at until the next one.
async function history_begin(history, around) {
    const current = () => state.histories.get(history.peer_id) === history;
    let early = !around && begun.peer_id === history.peer_id && begun.page;
    begun = { dialogs: begun.dialogs };
    for (let tries = 0; current(); tries++) {
        const done = await history_ask(history, async () => {
            const [older, newer] = await Promise.all([
                early || page_get(history, around ? { before: around + 1 } : {}),
                around ? page_get(history, { after: around }) : { messages: [], next: null },
            ]);
            const messages = [...older.messages, ...newer.messages];
            history.loaded = true;
            history_extend(history, messages,
                { from: older.next ?? 0, upto: newer.next ?? Infinity });
        });
        if (done && !early) return;
        early = null;
        if (done) continue;
        if (!history.problem.passing) return;
        await wait_again(tries, history.problem);
    }
}

// Loads the next page on that side, 'older' or 'newer'; answers whether one came.
export async function history_load(history, side) {
    const { from, upto, loaded, loading } = history;
    const older = side === 'older';
    if (loading || !loaded || (older ? from === 0 : upto === Infinity)) return false;
    return history_ask(history, async () => {
        const page = await page_get(history, older ? { before: from } : { after: upto });
        history_extend(history, page.messages,
            older ? { from: page.next ?? 0 } : { upto: page.next ?? Infinity });
    });
}

function page_get({ peer_id }, where) {
    const query = new URLSearchParams({ limit: PAGE, ...where });
    return api_call('GET', `/dialogs/${peer_id}/messages?${query}`);
}

// Runs what asks for pages; answers whether it succeeded.
async function history_ask(history, ask) {
    Object.assign(history, { loading: true, problem: null });
    state_touch();
    try {
        await ask();
        if (state.histories.get(history.peer_id) === history) dialog_recount(history.peer_id);
    } catch (problem) {
        history.problem = problem;
    }
    history.loading = false;
    history.late = [];
    state_touch();
    return !history.problem;
}

// Where nobody can count from here what is unread, the history tells: it has to reach from the mark
// to the newest message.
state_on_change(() => {
    for (const { peer_id, uncertain } of state.me ? state.dialogs.values() : []) {
        if (!uncertain) continue;
        const history = history_get(peer_id);
        if (!history.problem) history_load(history, history.upto === Infinity ? 'older' : 'newer');
    }
});
