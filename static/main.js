// The page's boot order, its address (#/with/<id>), and who is at the door.

import { alert_message, alert_unread } from './alert.js';
import { api_call, api_on_ended } from './api.js';
import { $, text_show } from './dom.js';
import { form_init } from './form.js';
import { load_begin, load_forget, me_load } from './load.js';
import { outbox, outbox_drop } from './outbox.js';
import { typing_hide, typing_show } from './presence.js';
import { event_apply, state, state_begin, state_touch } from './state.js';
import { sync_begin, sync_end, sync_forget, sync_open, sync_pause } from './sync.js';
import { tabs_account, tabs_account_forget, tabs_account_is, tabs_leads } from './tabs.js';
import { text, text_language_guess, text_language_set } from './text.js';
import { view_composer_init, view_composer_reset } from './view_composer.js';
import { view_dialog_init, view_dialog_jump, view_dialog_peer } from './view_dialog.js';
import { view_login_hide, view_login_init, view_login_show } from './view_login.js';
import { view_menu_init } from './view_menu.js';
import {
    view_people_init, view_people_peer, view_people_reset, view_people_tab,
} from './view_people.js';
import { view_search_init, view_search_reset } from './view_search.js';
import { view_settings_init, view_settings_reset } from './view_settings.js';
import { view_telegram_ask, view_telegram_init, view_telegram_reset } from './view_telegram.js';
import { wait_again } from './wait.js';

// All tabs of a browser share the session cookie: the others hear who came or went, and start anew
// where it is not theirs.
const tabs = new BroadcastChannel('perch');

const server = {
    apply(event) {
        const { message } = event;
        if (message?.sender_id === state.me.id) outbox_drop(message.client_id, message);
        if (event.type === 'typing') return typing_show(event.peer_id);
        if (event.type === 'me.changed') me_load();
        if (/^(telegram\.|me\.changed$)/.test(event.type)) return view_telegram_ask();
        if (message) typing_hide(message.sender_id);
        event_apply(event);
        if (event.type === 'message.new' && tabs_leads()) alert_message(message);
    },
    link(ok) {
        notice_set(ok ? '' : text('link_lost'));
    },
    stuck() {
        notice_set(text('link_stuck'));
    },
    synced: view_telegram_ask,
};

function notice_set(notice) {
    state.notice = notice;
    state_touch();
}

/* ---- the session ---- */

async function session_find() {
    text_show($('splash'), text('starting'));
    for (let tries = 0; ; tries++) {
        try {
            return session_begin(await api_call('GET', '/me'));
        } catch (problem) {
            if (problem.status === 401) return session_end();
            text_show($('splash'), text('starting_again'));
            await wait_again(tries, problem);
        }
    }
}

async function session_begin({ user, settings }) {
    state_begin(user, settings);
    const { me } = state;
    text_language_set(settings.locale);
    await sync_open();
    if (state.me !== me) return;
    text_show($('splash'), '');
    view_login_hide();
    view_people_reset();
    view_composer_reset();
    view_telegram_reset();
    view_settings_reset();
    view_search_reset();
    $('app').hidden = false;
    address_follow();
    await sync_begin(server);
    if (state.ready && !state.dialogs.size) view_people_tab('people');
}

// Who comes back will be where they are now.
function session_end(notice) {
    sync_end();
    load_forget();
    if (!state.me || tabs_account_is(state.me.id)) tabs_account_forget();
    state_begin(null);
    for (const id of ['rows', 'messages', 'live', 'talk-name', 'talk-status', 'me'])
        $(id).replaceChildren();
    for (const sheet of document.querySelectorAll('dialog')) sheet.close();
    view_composer_reset();
    text_show($('splash'), '');
    view_telegram_reset();
    view_settings_reset();
    view_search_reset();
    $('app').hidden = true;
    address_follow();
    alert_unread(0);
    view_login_show(notice);
}

// What is on its way would be lost: the person is asked first.
function leave_ask() {
    if (!outbox.length) return session_leave();
    $('leave').returnValue = '';
    $('leave').showModal();
}

// Leaves for good by `call`: nothing of the person stays here.
async function session_finish(call) {
    const { me } = state;
    if (!me) return;
    sync_pause();       // the server ends a waiting poll before it answers this
    try {
        await call();
    } catch (problem) {
        if (state.me === me) sync_begin(server);
        else sync_forget(me.id);        // the session had ended already
        throw problem;
    }
    await sync_forget(me.id);
    tabs.postMessage(null);
    history.replaceState(null, '', '#/');
    session_end();
}

async function session_leave() {
    try {
        await session_finish(() => api_call('DELETE', '/sessions/current'));
    } catch (problem) {
        if (state.me) notice_set(text('not_done', problem.title));
    }
}

/* ---- the address ---- */

function address_peer() {
    const id = Number(/^#\/with\/(\d+)$/.exec(location.hash)?.[1]);
    return Number.isSafeInteger(id) && id > 0 ? id : null;
}

function address_follow() {
    const peer_id = address_peer();
    $('app').dataset.pane = peer_id === null ? 'list' : 'talk';
    view_people_peer(peer_id);
    view_dialog_peer(peer_id);
}

text_language_set(text_language_guess());
form_init();
view_login_init((user) => {
    tabs.postMessage(user.id);
    session_find();
});
view_people_init();
view_composer_init();
view_dialog_init();
view_menu_init();
view_search_init(view_dialog_jump);
view_telegram_init();
view_settings_init(leave_ask, session_finish);
api_on_ended(() => { if (state.me) session_end(text('session_ended')); });
tabs.addEventListener('message', (message) => {
    if (message.data !== (state.me?.id ?? null)) location.reload();
});
$('leave').addEventListener('close', () => {
    if ($('leave').returnValue === 'leave') session_leave();
});
addEventListener('hashchange', address_follow);
$('talk').addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) location.hash = '#/';
});
if (tabs_account() !== null) load_begin(address_peer());
session_find();
