// Where one writes: grows with its text, keeps a draft per dialog, sends on Enter.

import { $, text_show } from './dom.js';
import { draft_get, draft_put } from './draft.js';
import { outbox_add } from './outbox.js';
import { typing_say } from './presence.js';
import { text } from './text.js';

const MOST = 4096;              // the server's limit, in characters

let peer_id = null;

export function view_composer_init() {
    $('body').addEventListener('input', () => {
        body_changed();
        draft_put(peer_id, $('body').value);
        if (body_text()) typing_say(peer_id);
    });
    $('body').addEventListener('keydown', (event) => {
        const touch = matchMedia('(pointer: coarse)').matches;
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing || touch) return;
        event.preventDefault();
        body_send();
    });
    $('composer').addEventListener('submit', (event) => {
        event.preventDefault();
        body_send();
    });
}

export function view_composer_reset() {
    peer_id = null;
    $('body').value = '';
}

export function view_composer_show(id, user) {
    $('composer').hidden = Boolean(user.deleted || user.missing);
    if (id === peer_id) return;
    peer_id = id;
    $('body').value = draft_get(id);
    body_changed();
    if (!matchMedia('(pointer: coarse)').matches) $('body').focus();
}

// What would be sent: without the white space around it, and without what JSON and the server
// refuse.
function body_text() {
    const value = $('body').value.replaceAll('\0', '').trim();
    return value.toWellFormed ? value.toWellFormed() : value;
}

function body_changed() {
    const count = Array.from(body_text()).length;
    $('grow').dataset.value = $('body').value;
    $('send').disabled = count === 0 || count > MOST;
    $('body').setAttribute('aria-invalid', String(count > MOST));
    text_show($('body-error'), count > MOST ? text('too_long', count, MOST) : '');
}

function body_send() {
    if ($('send').disabled) return;
    outbox_add(peer_id, body_text());
    $('body').value = '';
    draft_put(peer_id, '');
    body_changed();
    $('body').focus();
}
