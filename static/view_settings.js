// The settings: one's name, language and colours, this browser's notifications, the devices, the
// password, and the ways out.

import { alert_setting, alert_setting_set } from './alert.js';
import { api_call } from './api.js';
import { $, el, rows_show, text_show } from './dom.js';
import { form_error, form_reset, form_send, secret_judge } from './form.js';
import { settings_put, state } from './state.js';
import { text, text_full, text_language, text_language_set } from './text.js';

const FORMS = ['set-name', 'set-password', 'set-delete'];

let devices = [];

// `leave` logs out; `finish(call)` leaves for good by that call.
export function view_settings_init(leave, finish) {
    $('settings-open').addEventListener('click', settings_open);
    $('settings-close').addEventListener('click', () => $('settings').close());
    $('logout').addEventListener('click', async () => {
        $('logout').disabled = true;
        await leave();
        $('logout').disabled = false;
    });
    $('set-language').addEventListener('change', language_choose);
    $('set-theme').addEventListener('change', theme_choose);
    for (const name of ['notify', 'sound'])
        $(`set-${name}`).addEventListener('change', () => alert_choose(name));
    $('devices-end').addEventListener('click', () => device_end('', 'devices_ended'));
    $('devices').addEventListener('click', (event) => {
        const { session } = event.target.closest('button')?.dataset ?? {};
        if (session) device_end(`/${session}`, 'device_ended');
    });
    secret_judge($('set-new'), () => state.me?.username ?? '');
    form_wire('set-name', name_send);
    form_wire('set-password', password_send);
    form_wire('set-delete', (form) => delete_send(form, finish));
}

function form_wire(id, send) {
    $(id).addEventListener('submit', (event) => {
        event.preventDefault();
        send($(id));
    });
    $(id).addEventListener('input', (event) => {
        if (event.target !== $(id)) form_error($(id), event.target.name, '');
    });
}

// Forgets the last person's.
export function view_settings_reset() {
    $('settings').close();
    devices = [];
    devices_show();
    for (const id of FORMS) form_reset($(id));
}

function note_show(note) {
    text_show($('settings-note'), note);
}

function settings_open() {
    note_show('');
    for (const id of FORMS) form_reset($(id));
    for (const part of $('settings').querySelectorAll('details')) part.open = false;
    $('set-display').value = state.me.display_name;
    $('settings-username').textContent = state.me.username;
    for (const id of ['set-password', 'set-delete'])
        $(id).elements.username.value = state.me.username;
    $('set-language').value = text_language();
    $('set-theme').value = document.documentElement.dataset.theme;
    for (const name of ['notify', 'sound']) $(`set-${name}`).checked = alert_setting(name);
    text_show($('set-notify-note'), '');
    $('settings').showModal();
    $('settings-title').focus();
    devices_load();
}

/* ---- name, language, colours ---- */

function name_send(form) {
    return form_send(form, ['display_name'], {}, async ({ display_name }) => {
        settings_put(await api_call('PATCH', '/me', { display_name: display_name.trim() || null }));
        form.elements.display_name.value = state.me.display_name;
        note_show(text('saved_now'));
    });
}

async function language_choose() {
    const locale = $('set-language').value;
    text_language_set(locale);
    note_show('');
    devices_show();
    try {
        settings_put(await api_call('PATCH', '/me', { locale }));
    } catch (problem) {
        note_show(text('not_done', problem.title));
    }
}

function theme_choose() {
    const theme = $('set-theme').value;
    document.documentElement.dataset.theme = theme;
    try {
        localStorage.setItem('perch.theme', theme);
    } catch { /* then only for now */ }
}

/* ---- this browser ---- */

async function alert_choose(name) {
    const wanted = $(`set-${name}`).checked;
    const trouble = await alert_setting_set(name, wanted);
    $(`set-${name}`).checked = wanted && !trouble;
    text_show($('set-notify-note'), trouble && text(trouble));
}

/* ---- devices ---- */

async function devices_load() {
    const { me } = state;
    try {
        const { sessions } = await api_call('GET', '/sessions');
        if (state.me !== me) return;
        devices = sessions;
        devices_show();
    } catch (problem) {
        if (state.me === me) note_show(text('not_done', problem.title));
    }
}

// What a browser calls itself, in short: every one claims to be all those before it.
function device_name(agent) {
    const first = (...names) => names.find((one) => agent.includes(one));
    const named = { Edg: 'Edge', OPR: 'Opera', 'CriOS': 'Chrome', 'FxiOS': 'Firefox' };
    const program = first('Edg', 'OPR', 'FxiOS', 'CriOS', 'Firefox', 'Chrome', 'Safari')
        ?? agent.split(/[\s/]/)[0].slice(0, 40);
    const system = first('Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux');
    if (!program) return text('device_unknown');
    const name = named[program] ?? program;
    return system ? text('device_on', name, system) : name;
}

function devices_show() {
    const rows = devices.map((one) => ({
        key: one.id, current: one.current, name: device_name(one.user_agent),
        seen: text('device_seen', text_full(one.last_seen_at), one.ip),
    }));
    rows.sort((a, b) => b.current - a.current);
    rows_show($('devices'), rows, () => el('li'), (node, row) => {
        const button = !row.current && el('button', {
            type: 'button', class: 'quiet', dataset: { session: row.key },
            'aria-label': `${text('device_end')}: ${row.name}`,
        }, text('device_end'));
        node.replaceChildren(
            el('span', { class: 'device' }, el('span', {}, row.name),
                row.current && el('span', { class: 'mark' }, text('device_current')),
                el('span', { class: 'dim' }, row.seen)),
            ...button ? [button] : []);
    });
    $('devices-end').hidden = rows.every((row) => row.current);
}

async function device_end(which, done) {
    try {
        await api_call('DELETE', `/sessions${which}`);
        note_show(text(done));
        $('settings-title').focus();
    } catch (problem) {
        if (problem.status !== 404) note_show(text('not_done', problem.title));
    }
    devices_load();
}

/* ---- password and account ---- */

function password_send(form) {
    const needs = { current: 'need_password', new: 'need_password' };
    return form_send(form, ['current', 'new'], needs, async (body) => {
        await problem_beside('current', api_call('PUT', '/me/password', body));
        form_reset(form);
        form.parentElement.open = false;
        note_show(text('password_changed'));
        devices_load();
    });
}

function delete_send(form, finish) {
    const needs = { password: 'need_password' };
    return form_send(form, ['password'], needs, (body) =>
        problem_beside('password', finish(() => api_call('DELETE', '/me', body))));
}

// A wrong password is told beside the field for it.
function problem_beside(field, call) {
    return call.catch((problem) => {
        if (problem.code === 'bad_credentials') problem.field = field;
        throw problem;
    });
}
