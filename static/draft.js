// What was typed and not sent, per dialog. It outlives a reload, a crash and the session, for the
// same person in the same browser.

import { store_all, store_delete, store_put } from './store.js';

const LATER_MS = 300;

const drafts = new Map();       // peer id → text
const unkept = new Set();       // peer ids
let timer = null;

addEventListener('pagehide', draft_flush);
document.addEventListener('visibilitychange', draft_flush);

// Takes up what is kept for the account whose store is open.
export async function draft_begin() {
    drafts.clear();
    for (const { peer_id, text } of await store_all('drafts')) drafts.set(peer_id, text);
}

// Forgets it here only.
export function draft_end() {
    draft_flush();
    drafts.clear();
}

export function draft_get(peer_id) {
    return drafts.get(peer_id) ?? '';
}

export function draft_put(peer_id, text) {
    if (draft_get(peer_id) === text) return;
    drafts.set(peer_id, text);
    unkept.add(peer_id);
    clearTimeout(timer);
    timer = setTimeout(draft_flush, LATER_MS);
}

function draft_flush() {
    clearTimeout(timer);
    for (const peer_id of unkept) {
        const text = draft_get(peer_id);
        if (text) store_put('drafts', { peer_id, text });
        else store_delete('drafts', peer_id);
    }
    unkept.clear();
}
