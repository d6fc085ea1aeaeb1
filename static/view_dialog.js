// The open dialog: whose it is, what its menu does, and the read marks that follow the reader's
// eye.

import { api_call } from './api.js';
import { $, avatar_show, text_show } from './dom.js';
import { dialog_read, history_anew, history_get, history_leave, user_get } from './load.js';
import { outbox } from './outbox.js';
import { dialog_is_muted, state, state_on_change, state_touch } from './state.js';
import { text, text_about, text_count, text_name } from './text.js';
import { view_composer_show } from './view_composer.js';
import {
    view_history_at_end, view_history_init, view_history_jump, view_history_open, view_history_show,
} from './view_history.js';
import { view_menu_open } from './view_menu.js';
import { view_search_open } from './view_search.js';

const HOUR_MS = 3600000;

let peer_id = null;
let history = null;             // what was shown last, to tell a new dialog or a reloaded history
let jump = null;                // {peer_id, id}: the message to go to
let heard = 0;                  // the newest message that a screen reader was told of

export function view_dialog_init() {
    state_on_change(view_dialog_show);
    view_history_init(end_mark);
    for (const kind of ['focus', 'visibilitychange', 'pageshow'])
        addEventListener(kind, end_mark, { capture: true });
    $('talk-menu').addEventListener('click', menu_open);
}

// Shows the dialog with that person, or none for null.
export function view_dialog_peer(id) {
    if (peer_id !== null && peer_id !== id) history_leave(peer_id);
    peer_id = id;
    history = null;
    state_touch();
}

// Shows that message of the dialog with that person.
export function view_dialog_jump(to_peer_id, id) {
    jump = { peer_id: to_peer_id, id };
    if (to_peer_id === peer_id) state_touch();
    else location.hash = `#/with/${to_peer_id}`;
}

// What stands at the end of a visible and focused page has been read.
function end_mark() {
    if (!history?.loaded || peer_id === null || !state.me) return;
    const dialog = state.dialogs.get(peer_id);
    const at_end = view_history_at_end();
    $('to-end').hidden = at_end;
    text_show($('to-end-count'), text_count(dialog?.unread ?? 0));
    const last = at_end && history.list.findLast((m) => m.sender_id === peer_id);
    if (peer_id === state.me.id || !last || last.id <= (dialog?.read_upto ?? 0)) return;
    if (document.visibilityState === 'visible' && document.hasFocus())
        dialog_read(peer_id, last.id);
}

/* ---- the menu ---- */

function menu_open() {
    const dialog = state.dialogs.get(peer_id);
    const mute = (key, until) => ({ text: text(key), run: () => mute_put(until) });
    const in_hours = (hours) => new Date(Date.now() + hours * HOUR_MS).toISOString();
    const mutes = dialog && dialog_is_muted(dialog)
        ? [mute('unmute', null)]
        : [mute('mute_1h', in_hours(1)), mute('mute_8h', in_hours(8)), mute('mute', 'forever')];
    const find = { text: text('find_here'), run: () => view_search_open(peer_id) };
    view_menu_open([find, ...(peer_id === state.me.id ? [] : mutes)], $('talk-menu'));
}

async function mute_put(until) {
    const id = peer_id;
    try {
        await api_call('PUT', `/dialogs/${id}/mute`, { until });
        const dialog = state.dialogs.get(id);
        if (dialog) dialog.muted_until = until;
    } catch (problem) {
        state.notice = text('not_done', problem.title);
    }
    state_touch();
}

/* ---- the whole ---- */

function header_show(user, saved) {
    const dialog = state.dialogs.get(peer_id);
    avatar_show($('talk-avatar'), user, saved);
    text_show($('talk-name'), text_name(user, saved));
    const typing = state.typing.has(user.id) && text('typing');
    text_show($('talk-status'), state.notice || typing || text_about(user, saved));
    $('talk-muted').hidden = !dialog || !dialog_is_muted(dialog);
    $('talk-menu').hidden = Boolean(user.missing);
}

function note_of(user, saved) {
    if (user.missing) return text('talk_missing');
    if (history.problem) return history.problem.title;
    if (!history.loaded) return text('loading');
    if (history.list.length || outbox.some((item) => item.peer_id === peer_id)) return '';
    return text(saved ? 'saved_empty' : 'talk_empty');
}

// Finds the history to show, which is another one where somebody jumps to what this one has not.
function history_choose() {
    const around = jump?.peer_id === peer_id ? jump.id : null;
    const has = (id) => state.histories.get(peer_id)?.list.some((m) => m.id === id);
    const wanted = !around || has(around) ? history_get(peer_id) : history_anew(peer_id, around);
    if (around) jump = null;
    if (wanted !== history) {
        history = wanted;
        heard = Infinity;
        view_history_open(history, around);
    } else if (around) {
        view_history_jump(around);
    }
}

// Tells a screen reader what has come since the dialog was opened.
function live_show(user) {
    if (!history.loaded) return;
    const last = history.list.at(-1);
    if (last?.id > heard && last.sender_id === peer_id && last.body && peer_id !== state.me.id)
        $('live').textContent = `${text_name(user)}: ${last.body}`;
    heard = last?.id ?? 0;
}

function view_dialog_show() {
    const open = peer_id !== null && state.me !== null;
    $('talk-open').hidden = !open;
    $('talk-none').hidden = open;
    if (!open) return;
    const user = user_get(peer_id);
    const saved = peer_id === state.me.id;
    header_show(user, saved);
    view_composer_show(peer_id, user);
    if (!state.ready) return;
    history_choose();
    text_show($('talk-note'), note_of(user, saved));
    view_history_show();
    live_show(user);
    end_mark();
}
