// Fills the state from the server: the dialogs, the histories, the people nobody has told of yet.

import { api_call } from './api.js';
import {
    dialog_ensure, dialog_mark, dialog_put, dialog_recount, history_put, settings_put, state,
    state_on_change, state_touch, user_put,
} from './state.js';
import { text } from './text.js';
import { wait_again } from './wait.js';

const PAGE = 50;

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
    const me = state.me;
    const first = await api_call('GET', '/dialogs?limit=100');
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
    while (after) {
        const query = new URLSearchParams({ limit: 100, after });
        const page = await api_call('GET', `/dialogs?${query}`).catch(() => null);
        if (!page || state.me !== me) return;
        page.dialogs.forEach(dialog_put);
        state_touch();
        after = page.next;
    }
}

// Moves the caller's own mark, here and on the server.
export async function dialog_read(peer_id, upto) {
    const dialog = dialog_ensure(peer_id);
    const before = dialog.read_upto;
    if (!dialog_mark(peer_id, upto)) return;
    try {
        await api_call('PUT', `/dialogs/${peer_id}/read`, { upto });
    } catch (problem) {
        if (!problem.passing) return;
        await wait_again(2, problem);
        if (dialog.read_upto === upto) dialog.read_upto = before;
        state_touch();
    }
}

// The history of a dialog; the first call begins to load its newest page. It takes events from that
// moment on, so that what arrives while the page is on its way is not lost.
export function history_get(peer_id) {
    let history = state.histories.get(peer_id);
    if (!history) {
        history = { peer_id, list: [], next: null, loading: false, loaded: false, problem: null };
        state.histories.set(peer_id, history);
        history_load(history);
    }
    return history;
}

// Loads the newest page, or the one before what is there; answers whether one came.
export async function history_load(history) {
    if (history.loading || (history.loaded && !history.next)) return false;
    Object.assign(history, { loading: true, problem: null });
    state_touch();
    const before = history.loaded ? `&before=${history.next}` : '';
    try {
        const path = `/dialogs/${history.peer_id}/messages?limit=${PAGE}${before}`;
        const page = await api_call('GET', path);
        page.messages.forEach((message) => history_put(history, message));
        Object.assign(history, { next: page.next, loaded: true });
        if (state.histories.get(history.peer_id) === history) dialog_recount(history.peer_id);
    } catch (problem) {
        history.problem = problem;
    }
    history.loading = false;
    state_touch();
    return !history.problem;
}

// Where nobody can count from here what is unread, the history tells.
state_on_change(() => {
    for (const { peer_id, uncertain } of state.me ? state.dialogs.values() : []) {
        if (!uncertain) continue;
        const history = history_get(peer_id);
        if (history.loaded && !history.problem) history_load(history);
    }
});
