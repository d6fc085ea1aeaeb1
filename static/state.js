// What this page knows: the people, the dialogs with their counts and histories. Views read it and
// never write it. Two sources feed it in any order, replies and events, so everything here may be
// told twice.

import { api_call } from './api.js';
import { text } from './text.js';
import { wait_again } from './wait.js';

const PAGE = 50;

export const state = {
    me: null,               // the user whose session this is
    ready: false,           // the dialogs are loaded and the poll stands at their cursor
    notice: '',             // what is wrong at the moment, in words
    users: new Map(),       // id → user
    dialogs: new Map(),     // peer id → {peer_id, last, unread, counted, read_upto, peer_read_upto}
    typing: new Map(),      // peer id → the timer of the end of it
    histories: new Map(),   // peer id → {list, next, loading, loaded, problem}
};

const listeners = [];
let touched = false;

export function state_on_change(fn) {
    listeners.push(fn);
}

// Says that something changed; the views are told once for all changes of one turn.
export function state_touch() {
    if (touched) return;
    touched = true;
    queueMicrotask(() => {
        touched = false;
        listeners.forEach((fn) => fn());
    });
}

export function state_begin(me) {
    Object.assign(state, { me, ready: false, notice: '' });
    state.typing.forEach(clearTimeout);
    for (const map of [state.users, state.dialogs, state.typing, state.histories]) map.clear();
    if (me) user_put(me);
    state_touch();
}

export function user_put(user) {
    state.users.set(user.id, { ...state.users.get(user.id), ...user });
    state_touch();
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

/* ---- dialogs ---- */

function dialog_ensure(peer_id) {
    let dialog = state.dialogs.get(peer_id);
    if (!dialog) {
        dialog = { peer_id, last: null, unread: 0, counted: 0, read_upto: 0, peer_read_upto: 0 };
        state.dialogs.set(peer_id, dialog);
        user_get(peer_id);
    }
    return dialog;
}

function dialog_put({ peer, last_message: last, unread, read_upto, peer_read_upto }) {
    user_put(peer);
    const counted = last?.id ?? 0;
    if (state.dialogs.get(peer.id)?.last?.id > counted) return;
    state.dialogs.set(peer.id, {
        peer_id: peer.id, last, unread, counted,
        read_upto: read_upto || 0, peer_read_upto: peer_read_upto || 0,
    });
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

// Moves the caller's own mark, here and (`told` false) on the server.
export async function dialog_read(peer_id, upto, told = false) {
    const dialog = dialog_ensure(peer_id);
    if (upto <= dialog.read_upto) return;
    const before = dialog.read_upto;
    dialog.read_upto = upto;
    if (upto >= (dialog.last?.id ?? 0)) dialog.unread = 0;
    else dialog_recount(dialog, history_get(peer_id));
    state_touch();
    if (told) return;
    try {
        await api_call('PUT', `/dialogs/${peer_id}/read`, { upto });
    } catch (problem) {
        if (!problem.passing) return;
        await wait_again(2, problem);
        if (dialog.read_upto === upto) dialog.read_upto = before;
        state_touch();
    }
}

// Counts what is unread where the history reaches back far enough to know.
function dialog_recount(dialog, history) {
    const { list } = history;
    if (!history.loaded || (history.next && list[0]?.id > dialog.read_upto)) return;
    const { peer_id, read_upto } = dialog;
    dialog.unread = list.filter((m) => m.sender_id === peer_id && m.id > read_upto).length;
}

/* ---- messages ---- */

// Whether `message` is a later state than `known` of the same message, or of the same age.
function message_is_newer(message, known) {
    const age = (m) => (m.deleted_at ? '~' : m.edited_at || '');
    return message.id === known.id && age(message) >= age(known);
}

// Takes a message from wherever it came: new, edited, deleted, or known already.
export function message_put(message) {
    const mine = message.sender_id === state.me.id;
    const peer_id = mine ? message.recipient_id : message.sender_id;
    const dialog = dialog_ensure(peer_id);
    const { last } = dialog;
    if (!last || message.id > last.id || message_is_newer(message, last)) dialog.last = message;
    if (!mine && message.id > dialog.counted) {
        dialog.counted = message.id;
        if (message.id > dialog.read_upto) dialog.unread++;
    }
    const history = state.histories.get(peer_id);
    if (history) history_put(history, message);
    state_touch();
}

/* ---- histories ---- */

function history_put(history, message) {
    const { list } = history;
    let at = list.length;
    while (at > 0 && list[at - 1].id >= message.id) at--;
    if (list[at]?.id !== message.id) list.splice(at, 0, message);
    else if (message_is_newer(message, list[at])) list[at] = message;
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
        if (state.histories.get(history.peer_id) === history)
            dialog_recount(dialog_ensure(history.peer_id), history);
    } catch (problem) {
        history.problem = problem;
    }
    history.loading = false;
    state_touch();
    return !history.problem;
}

/* ---- events ---- */

export function event_apply(event) {
    switch (event.type) {
    case 'message.new':
    case 'message.edited':
    case 'message.deleted':
        return message_put(event.message);
    case 'dialog.read':
        return dialog_read(event.peer_id, event.upto, true);
    case 'peer.read': {
        const dialog = dialog_ensure(event.peer_id);
        dialog.peer_read_upto = Math.max(dialog.peer_read_upto, event.upto);
        return state_touch();
    }
    case 'presence':
        if (state.users.has(event.id)) {
            const { id, online, active, last_seen_at } = event;
            user_put({ id, online, active, last_seen_at });
        }
        return;
    case 'user':
        return user_put(event.user);
    }
}
