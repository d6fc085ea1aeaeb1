// Where one writes: grows with its text, keeps a draft per dialog, sends on Enter, and takes back
// one's own message to change it.

import { api_call } from './api.js';
import { $, text_show } from './dom.js';
import { draft_get, draft_put } from './draft.js';
import { outbox_add } from './outbox.js';
import { typing_say } from './presence.js';
import { message_put, state } from './state.js';
import { text } from './text.js';

const MOST = 4096;              // the server's limit, in characters

const edits = new Map();        // peer id → {id, was, body, busy, title}: a message being changed
let peer_id = null;

export function view_composer_init() {
    $('body').addEventListener('input', () => {
        const edit = edits.get(peer_id);
        if (edit) Object.assign(edit, { body: $('body').value, title: '' });
        else draft_put(peer_id, $('body').value);
        body_changed();
        if (body_text() && !edit) typing_say(peer_id);
    });
    $('body').addEventListener('keydown', body_key);
    $('composer').addEventListener('submit', (event) => {
        event.preventDefault();
        body_send();
    });
    $('edit-end').addEventListener('click', edit_end);
}

export function view_composer_reset() {
    edits.clear();
    peer_id = null;
    $('body').value = '';
}

export function view_composer_show(id, user) {
    $('composer').hidden = Boolean(user.deleted || user.missing);
    if (id === peer_id) return;
    peer_id = id;
    body_show();
    if (!matchMedia('(pointer: coarse)').matches) $('body').focus();
}

// Takes a message of one's own back into the field; the draft waits until that is done.
export function view_composer_edit({ id, body }) {
    edits.set(peer_id, { id, was: body, body, busy: false, title: '' });
    body_show();
    $('body').focus();
}

function edit_end() {
    edits.delete(peer_id);
    body_show();
    $('body').focus();
}

function body_key(event) {
    const { key, shiftKey, isComposing } = event;
    if (isComposing) return;
    if (key === 'Enter' && !shiftKey && !matchMedia('(pointer: coarse)').matches) {
        event.preventDefault();
        body_send();
    } else if (key === 'Escape' && edits.has(peer_id)) {
        event.stopPropagation();        // it leaves the change and not the dialog
        edit_end();
    } else if (key === 'ArrowUp' && !$('body').value && !edits.has(peer_id)) {
        const own = (m) => m.sender_id === state.me.id && !m.deleted_at;
        const last = state.histories.get(peer_id)?.list.findLast(own);
        if (!last) return;
        event.preventDefault();
        view_composer_edit(last);
    }
}

// Puts into the field what is being written in this dialog.
function body_show() {
    const edit = edits.get(peer_id);
    $('body').value = edit?.body ?? draft_get(peer_id);
    text_show($('edit-was'), edit?.was);
    $('edit').hidden = !edit;
    body_changed();
}

// What would be sent: without the white space around it, and without what JSON and the server
// refuse.
function body_text() {
    const value = $('body').value.replaceAll('\0', '').trim();
    return value.toWellFormed ? value.toWellFormed() : value;
}

function body_changed() {
    const edit = edits.get(peer_id);
    const count = Array.from(body_text()).length;
    const long = count > MOST && text('too_long', count, MOST);
    const failed = edit?.title && text('not_done', edit.title);
    $('grow').dataset.value = $('body').value;
    $('send').disabled = count === 0 || count > MOST || Boolean(edit?.busy);
    $('send').setAttribute('aria-label', text(edit ? 'save' : 'send'));
    $('body').readOnly = Boolean(edit?.busy);
    $('body').setAttribute('aria-invalid', String(Boolean(long || failed)));
    text_show($('body-error'), long || failed);
}

function body_send() {
    if ($('send').disabled) return;
    const edit = edits.get(peer_id);
    if (edit) return edit_send(edit, peer_id);
    outbox_add(peer_id, body_text());
    draft_put(peer_id, '');
    body_show();
    $('body').focus();
}

async function edit_send(edit, id) {
    const { me } = state;
    const body = body_text();
    if (body === edit.was) return edit_end();
    Object.assign(edit, { busy: true, title: '' });
    body_changed();
    try {
        const reply = await api_call('PATCH', `/messages/${edit.id}`, { body });
        if (state.me !== me) return;
        message_put(reply.message);
        if (edits.get(id) === edit) edits.delete(id);
    } catch (problem) {
        edit.title = problem.title;
    }
    edit.busy = false;
    if (peer_id !== id) return;
    if (edits.has(id)) body_changed();
    else body_show();
}
