// The door: log in or create an account. Troubles stand beside the field they are about.

import { api_call } from './api.js';
import { $, text_show } from './dom.js';
import { text } from './text.js';

const FORMS = {
    login: { path: '/sessions', fields: ['username', 'password'] },
    register: { path: '/accounts', fields: ['username', 'password', 'telegram'] },
};

let enter = () => {};

// Wires the forms; `fn(user)` is called with whoever came in.
export function view_login_init(fn) {
    enter = fn;
    for (const name of Object.keys(FORMS)) {
        $(`door-${name}`).addEventListener('click', () => form_choose(name));
        $(name).addEventListener('submit', (event) => {
            event.preventDefault();
            form_send(name);
        });
        $(name).addEventListener('input', (event) => field_error(name, event.target.name, ''));
    }
    for (const button of document.querySelectorAll('.reveal'))
        button.addEventListener('click', () => secret_reveal(button, !secret_is_shown(button)));
}

export function view_login_show(notice) {
    text_show($('door-notice'), notice);
    $('door').hidden = false;
    form_choose('login');
}

export function view_login_hide() {
    $('door').hidden = true;
    for (const name of Object.keys(FORMS)) form_reset(name);
}

function form_choose(chosen) {
    for (const name of Object.keys(FORMS)) {
        $(name).hidden = name !== chosen;
        $(`door-${name}`).setAttribute('aria-pressed', String(name === chosen));
    }
    if (!matchMedia('(pointer: coarse)').matches) $(`${chosen}-username`).focus();
}

function form_reset(name) {
    $(name).reset();
    for (const field of [...FORMS[name].fields, '']) field_error(name, field, '');
    for (const button of $(name).querySelectorAll('.reveal')) secret_reveal(button, false);
}

function secret_is_shown(button) {
    return button.getAttribute('aria-pressed') === 'true';
}

function secret_reveal(button, shown) {
    button.previousElementSibling.type = shown ? 'text' : 'password';
    button.setAttribute('aria-pressed', String(shown));
    button.textContent = text(shown ? 'hide' : 'show');
}

// Puts a trouble beside its field, or above the button where it is about none that the form has.
function field_error(name, field, title) {
    const input = $(name).elements[field];
    if (!FORMS[name].fields.includes(field))
        return text_show($(name).querySelector('.form-error'), title);
    text_show($(`${name}-${field}-error`), title);
    input.setAttribute('aria-invalid', String(Boolean(title)));
    if (title) input.focus();
}

async function form_send(name) {
    const form = $(name);
    const button = form.querySelector('.primary');
    if (button.disabled) return;
    const body = {};
    for (const field of FORMS[name].fields) {
        field_error(name, field, '');
        body[field] = form.elements[field].value;
    }
    field_error(name, '', '');
    if (!body.password) field_error(name, 'password', text('need_password'));
    if (!body.username.trim()) field_error(name, 'username', text('need_name'));
    if (!body.password || !body.username.trim()) return;
    if (!body.telegram?.trim()) delete body.telegram;
    button.disabled = true;
    try {
        const reply = await api_call('POST', FORMS[name].path, body);
        view_login_hide();
        enter(reply.user);
    } catch (problem) {
        const { title, field = '', retry_ms } = problem;
        const told = retry_ms ? text('wait_s', title, Math.ceil(retry_ms / 1000)) : title;
        field_error(name, field, told);
    }
    button.disabled = false;
}
