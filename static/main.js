// The page's boot order, its address (#/with/<id>), and who is at the door.

import { alert_message, alert_unread } from './alert.js';
import { api_call, api_on_ended } from './api.js';
import { $, text_show } from './dom.js';
import { events_start, events_stop } from './events.js';
import { form_init } from './form.js';
import { dialogs_load, me_load } from './load.js';
import { outbox_begin, outbox_clear, outbox_drop, outbox_end } from './outbox.js';
import { typing_hide, typing_show } from './presence.js';
import { event_apply, state, state_begin, state_touch } from './state.js';
import { text, text_language_guess, text_language_set } from './text.js';
import { view_composer_init, view_composer_reset } from './view_composer.js';
import { view_dialog_init, view_dialog_peer } from './view_dialog.js';
import { view_login_hide, view_login_init, view_login_show } from './view_login.js';
import {
    view_people_init, view_people_peer, view_people_reset, view_people_tab,
} from './view_people.js';
import { view_settings_init, view_settings_reset } from './view_settings.js';
import { view_telegram_ask, view_telegram_init, view_telegram_reset } from './view_telegram.js';
import { wait_again } from './wait.js';

// All tabs of a browser share the session cookie: the others hear who came or went, and start anew
// where it is not theirs.
const tabs = new BroadcastChannel('perch');

const poll = {
    apply(event) {
        if (event.message?.sender_id === state.me.id) outbox_drop(event.message.client_id);
        if (event.type === 'typing') return typing_show(event.peer_id);
        if (event.type === 'me.changed') me_load();
        if (/^(telegram\.|me\.changed$)/.test(event.type)) return view_telegram_ask();
        if (event.message) typing_hide(event.message.sender_id);
        event_apply(event);
        if (event.type === 'message.new') alert_message(event.message);
    },
    link(ok) {
        notice_set(ok ? '' : text('link_lost'));
    },
    reset: dialogs_sync,
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
    text_language_set(settings.locale);
    text_show($('splash'), '');
    view_login_hide();
    view_people_reset();
    view_composer_reset();
    view_telegram_reset();
    view_settings_reset();
    $('app').hidden = false;
    address_follow();
    outbox_begin();
    await dialogs_sync();
    if (state.ready && !state.dialogs.size) view_people_tab('people');
}

function session_end(notice) {
    events_stop();
    outbox_end();
    state_begin(null);
    text_show($('splash'), '');
    view_telegram_reset();
    view_settings_reset();
    $('app').hidden = true;
    history.replaceState(null, '', '#/');
    address_follow();
    alert_unread(0);
    view_login_show(notice);
}

async function session_leave() {
    events_stop();      // the server ends a waiting poll before it answers this
    try {
        await api_call('DELETE', '/sessions/current');
        outbox_clear();
        tabs.postMessage(null);
        session_end();
    } catch (problem) {
        if (problem.status !== 401) {
            await dialogs_sync();
            notice_set(text('not_done', problem.title));
        }
    }
}

// Loads the dialogs and polls from their cursor: at the beginning, and whenever a cursor is void.
async function dialogs_sync() {
    const { me } = state;
    for (let tries = 0; state.me === me; tries++) {
        try {
            const cursor = await dialogs_load();
            if (!cursor || state.me !== me) return;
            events_start(cursor, poll);
            return view_telegram_ask();
        } catch (problem) {
            if (problem.status === 401) return;
            poll.link(false);
            await wait_again(tries, problem);
        }
    }
}

/* ---- the address ---- */

function address_follow() {
    const id = Number(/^#\/with\/(\d+)$/.exec(location.hash)?.[1]);
    const peer_id = Number.isSafeInteger(id) && id > 0 ? id : null;
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
view_telegram_init();
view_settings_init(session_leave, session_end);
api_on_ended(() => { if (state.me) session_end(text('session_ended')); });
tabs.addEventListener('message', (message) => {
    if (message.data !== (state.me?.id ?? null)) location.reload();
});
addEventListener('hashchange', address_follow);
$('talk').addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) location.hash = '#/';
});
session_find();
