// The history of the open dialog: however much of it is loaded, a bounded run of rows stands in the
// document, moves along with the reader and never jumps under their eye.

import { api_call } from './api.js';
import { $, el, rows_show, sight_watch } from './dom.js';
import { history_anew, history_load } from './load.js';
import { outbox, outbox_drop, outbox_retry } from './outbox.js';
import { message_put, state, state_touch } from './state.js';
import { text } from './text.js';
import { view_composer_edit } from './view_composer.js';
import { view_ask, view_menu_is_open, view_menu_open } from './view_menu.js';
import {
    message_fill, message_open, message_row, message_row_outbox, message_rows,
} from './view_message.js';

const NEAR_PX = 60;             // this close to the end counts as the end
const SHOWN = 120;              // messages in the document
const STEP = 40;                // by so many the shown run moves on
const LONG_PRESS_MS = 500;
const STILL_PX = 10;            // a finger that moves farther scrolls

let history = null;
let top_id = null;              // the first message shown; null: the newest ones are shown
let mark = null;                // the id after which messages were unread when it was opened
let target = null;              // the id to show next: somebody jumps there
let drawn = false;              // it has been on the screen
let at_end = true;
let roved = null;               // the message that Tab reaches
let sent_key = null;            // the newest of the outbox that was shown

export function view_history_init(on_scroll) {
    const scroller = $('scroller');
    scroller.addEventListener('scroll', () => {
        stand_look();
        on_scroll();
    }, { passive: true });
    new ResizeObserver(() => { if (at_end) end_scroll(); }).observe(scroller);
    for (const side of ['older', 'newer']) {
        sight_watch($(side), scroller, () => more_show(side));
        $(side).addEventListener('click', () => more_show(side));
    }
    $('to-end').addEventListener('click', () => {
        view_history_end();
        $('body').focus();
    });
    const list = $('messages');
    list.addEventListener('click', list_click);
    list.addEventListener('keydown', list_key);
    list.addEventListener('focusin', (event) => rove(event.target.closest('.message')));
    list.addEventListener('contextmenu', list_context);
    list.addEventListener('pointerdown', list_press);
}

// Whether what is newest is shown and the reader stands there.
export function view_history_at_end() {
    return at_end;
}

// Another history is shown from now on; `around`: the id of the message to show, null for the
// beginning of the unread or the end.
export function view_history_open(which, around) {
    history = which;
    [mark, target, drawn, top_id, at_end, roved] = [null, around, false, null, true, null];
    $('messages').replaceChildren();
}

// Goes to the newest message.
export function view_history_end() {
    if (history.upto !== Infinity) history_anew(history.peer_id);
    [top_id, at_end, target] = [null, true, null];
    state_touch();
    queueMicrotask(end_scroll);
}

// Goes to that message, which is loaded.
export function view_history_jump(id) {
    target = id;
}

/* ---- where the reader stands ---- */

function end_scroll() {
    at_end = true;
    $('scroller').scrollTop = $('scroller').scrollHeight;
}

// Who stands at the end stays there; for anybody else the first row shown is held fast.
function stand_look() {
    if (!history?.loaded || !drawn) return;
    const { scrollHeight, scrollTop, clientHeight } = $('scroller');
    const run = run_of();
    at_end = run.whole && scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (at_end) top_id = null;
    else top_id ??= history.list[run.first]?.id ?? null;
}

// The part of the list that is shown; `whole` where it reaches to the newest message there is.
function run_of() {
    const { list, upto } = history;
    const last_first = Math.max(0, list.length - SHOWN);
    const at = top_id === null ? last_first : list.findIndex((m) => m.id >= top_id);
    const first = at < 0 ? last_first : Math.min(at, last_first);
    const end = Math.min(list.length, first + SHOWN);
    return { first, end, whole: end === list.length && upto === Infinity };
}

// Moves the shown run on, after loading what it needs; answers whether something came.
async function more_show(side) {
    const asked = history;
    if (!asked?.loaded || !drawn) return false;
    const { first, end } = run_of();
    const older = side === 'older';
    if (older && at_end && asked.list.length >= SHOWN) return false;
    if (older ? first === 0 : end === asked.list.length) {
        if (!at_end) top_id ??= asked.list[first].id;
        if (!await history_load(asked, side)) return false;
        if (asked !== history) return true;
    }
    if (!at_end) top_id = history.list[Math.max(0, run_of().first + (older ? -STEP : STEP))].id;
    messages_show();
    return true;
}

/* ---- rows ---- */

function rows_of({ first, end, whole }) {
    const { list, peer_id } = history;
    const read_upto = state.dialogs.get(peer_id)?.peer_read_upto ?? 0;
    const shown = list.slice(first, end).map((m) => message_row(m, read_upto));
    if (whole) {
        const keys = new Set(shown.map((row) => row.key));
        const waiting = outbox.filter((item) => item.peer_id === peer_id).map(message_row_outbox);
        shown.push(...waiting.filter((row) => !keys.has(row.key)));
    }
    const before = first > 0 ? message_row(list[first - 1], 0) : undefined;
    const unread = mark !== null && mark >= history.from
        && list.find((m) => m.sender_id === peer_id && m.id > mark);
    return message_rows(shown, before, unread?.id);
}

// The first message that is seen at least in part, and where it stands: to be kept there.
function anchor_find() {
    const edge = $('scroller').getBoundingClientRect().top;
    for (const node of $('messages').querySelectorAll('.message')) {
        const { top, bottom } = node.getBoundingClientRect();
        if (bottom > edge) return { node, top };
    }
    return null;
}

function messages_show() {
    const run = run_of();
    const rows = rows_of(run);
    const list = $('messages');
    const anchor = drawn && !at_end ? anchor_find() : null;
    $('older').hidden = run.first === 0 && history.from === 0;
    $('newer').hidden = run.whole;
    rows_show(list, rows, () => el('li', { tabIndex: -1 }), message_fill);
    rove(roved?.isConnected ? roved : list.querySelector('.message:last-child'));
    if (anchor?.node.isConnected)
        $('scroller').scrollTop += anchor.node.getBoundingClientRect().top - anchor.top;
    else if (drawn && at_end)
        end_scroll();
}

// The first sight of a history: at the message that was asked for, where the unread begins, or at
// the end.
function first_sight() {
    drawn = true;
    const divider = $('messages').querySelector('.divider-unread');
    if (divider) divider.scrollIntoView({ block: 'start' });
    else end_scroll();
    stand_look();
}

// Puts the message that was asked for into the middle of what is seen.
function target_show() {
    const at = history.list.findIndex((m) => m.id >= target);
    if (at < 0) return;
    const { id, client_id, sender_id } = history.list[at];
    const key = sender_id === state.me.id && client_id ? `c${client_id}` : `m${id}`;
    message_open(key);
    [target, at_end, drawn] = [null, false, true];
    top_id = history.list[Math.max(0, at - SHOWN / 2)].id;
    messages_show();
    const node = $('messages').querySelector(`[data-key="${key}"]`);
    node.scrollIntoView({ block: 'center' });
    node.focus({ preventScroll: true });
    list_unmark();
    node.classList.add('is-target');
    stand_look();
}

function list_unmark() {
    for (const node of $('messages').querySelectorAll('.is-target'))
        node.classList.remove('is-target');
}

// Draws what the state says. What its reader has just sent takes them to the end.
export function view_history_show() {
    const last = outbox.findLast((item) => item.peer_id === history.peer_id);
    const sent = last?.status === 'pending' && last.client_id !== sent_key;
    sent_key = last?.client_id ?? sent_key;
    if (!history.loaded) return;
    if (sent && drawn) view_history_end();
    if (target !== null) return target_show();
    if (!drawn) unread_place();
    messages_show();
    if (!drawn) first_sight();
}

// Finds the run of rows in which the unread begins.
function unread_place() {
    const dialog = state.dialogs.get(history.peer_id);
    if (!dialog?.unread) return;
    mark = dialog.read_upto;
    const at = history.list.findIndex((m) => m.id > mark);
    if (at >= 0 && history.list.length - at > SHOWN / 2)
        top_id = history.list[Math.max(0, at - SHOWN / 2)].id;
}

/* ---- one message: by key, pointer and finger ---- */

// Makes this message the one whose links and button Tab reaches.
function rove(node) {
    if (roved && roved !== node) tabs_set(roved, -1);
    roved = node;
    if (node) tabs_set(node, 0);
}

function tabs_set(node, index) {
    node.tabIndex = index;
    for (const inner of node.querySelectorAll('.bubble a, .bubble button')) inner.tabIndex = index;
}

function message_of(node) {
    const at = (m) => [`m${m.id}`, `c${m.client_id}`].includes(node.dataset.key);
    return history?.list.find(at);
}

function list_click(event) {
    const button = event.target.closest('button');
    if (!button) return;
    const { retry, discard, all } = button.dataset;
    if (retry) outbox_retry(retry);
    if (discard) outbox_drop(discard);
    if (all) {
        message_open(all);
        state_touch();
    }
    if (button.matches('.message-menu')) menu_open(button.closest('.message'), button);
}

function list_key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const nodes = Array.from($('messages').querySelectorAll('.message'));
    const next = nodes[nodes.indexOf(event.target.closest('.message')) + step];
    event.preventDefault();
    if (next) next.focus();
    else if (step > 0) $('body').focus();
}

function list_context(event) {
    const node = event.target.closest('.message');
    const selection = getSelection();
    const selected = node && !selection.isCollapsed && selection.containsNode(node, true);
    if (!node || selected || event.target.closest('a')) return;
    const keyed = event.target === node;     // the key for it says no place of use
    const { clientX: x, clientY: y } = event;
    if (menu_open(node, node.firstElementChild, keyed ? null : { x, y })) event.preventDefault();
}

// A finger that rests opens the menu: not every system says so with "contextmenu".
function list_press(event) {
    const node = event.target.closest('.message');
    if (event.pointerType !== 'touch' || !node) return;
    const { clientX: x, clientY: y } = event;
    const end = new AbortController();
    const timer = setTimeout(() => {
        end.abort();
        if (!view_menu_is_open()) menu_open(node, node.firstElementChild, { x, y });
    }, LONG_PRESS_MS);
    end.signal.addEventListener('abort', () => clearTimeout(timer));
    for (const kind of ['pointerup', 'pointercancel', 'scroll'])
        addEventListener(kind, () => end.abort(), { signal: end.signal, capture: true });
    addEventListener('pointermove', (move) => {
        if (Math.hypot(move.clientX - x, move.clientY - y) > STILL_PX) end.abort();
    }, { signal: end.signal });
}

// Opens the menu of a message; answers whether it has one.
function menu_open(node, opener, point) {
    const message = message_of(node);
    if (!message || message.deleted_at) return false;
    const mine = message.sender_id === state.me.id;
    view_menu_open([
        { text: text('copy'), run: () => text_copy(message.body) },
        mine && { text: text('edit'), run: () => view_composer_edit(message) },
        mine && { text: text('delete'), bad: true, run: () => message_delete(message) },
    ], opener, point);
    return true;
}

function message_delete({ id, sender_id, recipient_id }) {
    const title = text(sender_id === recipient_id ? 'delete_ask_own' : 'delete_ask');
    view_ask(title, text('delete'), async () => {
        await api_call('DELETE', `/messages/${id}`);
        const message = history.list.find((m) => m.id === id);
        if (message) message_put({ ...message, body: null, deleted_at: new Date().toISOString() });
    });
}

// Where the page may not reach the clipboard, because it came over plain http, the old way works.
async function text_copy(body) {
    if (navigator.clipboard) return navigator.clipboard.writeText(body).catch(() => {});
    const field = el('textarea', { value: body, readOnly: true, class: 'unseen' });
    const held = document.activeElement;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
    held?.focus();
}
