// Who is there and who types: what this page says of its person and asks of others.

import { api_call } from './api.js';
import { state, state_touch, user_put } from './state.js';
import { tabs_active, tabs_leave, tabs_poll } from './tabs.js';

const ACTIVE_MS = 120000;    // without input for longer, the person is taken to be away
const REFRESH_MS = 60000;    // events about presence can get lost
const TYPING_EVERY_MS = 3300;   // the server passes it on every 3 s at most
const TYPING_SHOWN_MS = 5000;
const MOST = 200;

let input_at = Date.now();
let said = '';               // the activity of the poll that waits; '' when there is none
let on_change = () => {};
let asked_at = 0;
let typing_to = null;        // whom the last word about typing was for, and when
let typing_at = 0;

for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart'])
    addEventListener(kind, () => { input_at = Date.now(); presence_look(); },
        { passive: true, capture: true });
document.addEventListener('visibilitychange', () => {
    presence_look();
    presence_refresh();
});
// The last tab is closed: its person is gone at once, not after a grace.
addEventListener('pagehide', () => {
    said = '';
    if (tabs_leave())
        navigator.sendBeacon('/api/v1/presence/bye', JSON.stringify({ tab: tabs_poll() }));
});
setInterval(() => {
    presence_look();
    presence_refresh();
}, 5000);

function activity() {
    const here = document.visibilityState === 'visible' && Date.now() - input_at < ACTIVE_MS;
    return tabs_active(here) ? 'active' : 'idle';
}

// The activity to say with a poll that begins now; `changed` is called when it is another.
export function presence_say(changed) {
    said = activity();
    on_change = changed;
    return said;
}

export function presence_look() {
    const now = activity();
    if (said && now !== said) on_change();
}

function user_is_there(id) {
    const user = state.users.get(id);
    return user && !user.deleted && !user.missing;
}

// Asks for those in the list of dialogs, and as many of the others whose names are shown.
async function presence_refresh() {
    const { me } = state;
    if (document.visibilityState === 'hidden') asked_at = 0;    // coming back asks at once
    else if (me && state.ready && Date.now() - asked_at >= REFRESH_MS) asked_at = Date.now();
    else return;
    const ids = new Set([...state.dialogs.keys(), ...state.users.keys()]);
    const wanted = Array.from(ids).filter((id) => id !== me?.id && user_is_there(id));
    if (!asked_at || !wanted.length) return;
    const query = new URLSearchParams({ ids: wanted.slice(0, MOST).join() });
    const reply = await api_call('GET', `/presence?${query}`).catch(() => null);
    if (reply && state.me === me) reply.presence.forEach(user_put);
}

export function typing_say(peer_id) {
    if (peer_id === state.me.id) return;
    if (peer_id === typing_to && Date.now() - typing_at < TYPING_EVERY_MS) return;
    typing_to = peer_id;
    typing_at = Date.now();
    api_call('POST', `/dialogs/${peer_id}/typing`).catch(() => {});
}

export function typing_show(peer_id) {
    clearTimeout(state.typing.get(peer_id));
    state.typing.set(peer_id, setTimeout(() => typing_hide(peer_id), TYPING_SHOWN_MS));
    state_touch();
}

export function typing_hide(peer_id) {
    clearTimeout(state.typing.get(peer_id));
    if (state.typing.delete(peer_id)) state_touch();
}
