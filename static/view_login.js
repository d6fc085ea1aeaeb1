// The door: log in or create an account.

import { api_call } from './api.js';
import { $, text_show } from './dom.js';
import { form_error, form_reset, form_send, secret_judge } from './form.js';
import { text_language, text_language_set } from './text.js';

const FORMS = {
    login: { path: '/sessions', fields: ['username', 'password'] },
    register: { path: '/accounts', fields: ['username', 'password', 'telegram'] },
};
const NEEDS = { username: 'need_name', password: 'need_password' };

let enter = () => {};

// Wires the forms; `fn(user)` is called when somebody has come in.
export function view_login_init(fn) {
    enter = fn;
    for (const name of Object.keys(FORMS)) {
        const form = $(name);
        $(`door-${name}`).addEventListener('click', () => door_choose(name));
        form.addEventListener('submit', (event) => {
            event.preventDefault();
            door_send(form, FORMS[name]);
        });
        form.addEventListener('input', (event) => {
            if (event.target !== form) form_error(form, event.target.name, '');
        });
    }
    secret_judge($('register-password'), () => $('register-username').value.trim());
    for (const button of document.querySelectorAll('.languages button'))
        button.addEventListener('click', () => text_language_set(button.lang));
}

export function view_login_show(notice) {
    text_show($('door-notice'), notice);
    $('door').hidden = false;
    door_choose('login');
}

export function view_login_hide() {
    $('door').hidden = true;
    for (const name of Object.keys(FORMS)) form_reset($(name));
}

function door_choose(chosen) {
    for (const name of Object.keys(FORMS)) {
        $(name).hidden = name !== chosen;
        $(`door-${name}`).setAttribute('aria-pressed', String(name === chosen));
    }
    if (!matchMedia('(pointer: coarse)').matches) $(`${chosen}-username`).focus();
}

// A new account is in the language of this page, and in its time zone.
async function settings_send() {
    const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const locale = text_language();
    await api_call('PATCH', '/me', { locale, time_zone })
        .catch(() => api_call('PATCH', '/me', { locale })).catch(() => {});
}

function door_send(form, { path, fields }) {
    return form_send(form, fields, NEEDS, async (body) => {
        if (!body.telegram?.trim()) delete body.telegram;
        const { user } = await api_call('POST', path, body);
        if (form.id === 'register') await settings_send();
        view_login_hide();
        enter(user);
    });
}
