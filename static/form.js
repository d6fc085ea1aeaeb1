// What all forms do alike: troubles beside their fields, a button that is busy, secrets that can be
// shown, and how strong a new one is.

import { text_show } from './dom.js';
import { text } from './text.js';
import { wait } from './wait.js';

const MINUTE_S = 60;
// Letters that a secret may be made of, and how many there are.
const KINDS = [[/[a-z]/, 26], [/[A-Z]/, 26], [/\d/, 10], [/[ -/:-@[-`{-~]/, 33], [/[^ -~]/, 100]];

// The paragraph for the troubles of a field is the last that describes it.
function form_place(form, field) {
    const input = form.elements[field];
    const id = input?.getAttribute('aria-describedby')?.split(' ').at(-1);
    return id ? { input, place: document.getElementById(id) }
        : { place: form.querySelector('.form-error') };
}

// Puts a trouble beside its field, or above the button where it is about none that the form has. An
// empty one takes away what is there.
export function form_error(form, field, title) {
    const { input, place } = form_place(form, field);
    text_show(place, title);
    input?.setAttribute('aria-invalid', String(Boolean(title)));
    if (title) input?.focus();
}

export function form_reset(form) {
    form.reset();
    for (const { name } of form.elements) if (name) form_error(form, name, '');
    form_error(form, '', '');
    for (const button of form.querySelectorAll('.reveal')) secret_reveal(button, false);
    for (const input of form.elements) input.dispatchEvent(new Event('input'));
}

// Counts the seconds down that the server asked to wait for, as long as nothing else is said there.
async function form_count_down(form, field, problem) {
    const until = Date.now() + problem.retry_ms;
    let said;
    for (let left; (left = Math.ceil((until - Date.now()) / 1000)) > 0;) {
        const { place } = form_place(form, field);
        if (said && (place.hidden || place.textContent !== said)) return;
        said = text(left > 2 * MINUTE_S ? 'wait_minutes' : 'wait_s', problem.title,
            left > 2 * MINUTE_S ? Math.ceil(left / MINUTE_S) : left);
        form_error(form, field, said);
        await wait(1000);
    }
    form_error(form, field, '');
}

// Calls `send(body)` with the fields that are named, unless one in `needs` {field: what to say} is
// empty; `problem.field` says where a trouble belongs. Answers whether it was done.
export async function form_send(form, fields, needs, send) {
    const button = form.querySelector('[type="submit"]');
    if (button.disabled) return false;
    const body = {};
    for (const field of [...fields, '']) form_error(form, field, '');
    for (const field of fields) body[field] = form.elements[field].value;
    const empty = Object.keys(needs).filter((field) => !body[field].trim()
        && (!body[field] || form.elements[field].autocomplete === 'username'));
    for (const field of empty.reverse()) form_error(form, field, text(needs[field]));
    if (empty.length) return false;
    button.disabled = true;
    try {
        await send(body);
        return true;
    } catch (problem) {
        const field = problem.field ?? '';
        if (problem.retry_ms) form_count_down(form, field, problem);
        else form_error(form, field, problem.title);
        return false;
    } finally {
        button.disabled = false;
    }
}

/* ---- secrets ---- */

function secret_reveal(button, shown) {
    button.previousElementSibling.type = shown ? 'text' : 'password';
    button.setAttribute('aria-pressed', String(shown));
    button.textContent = text(shown ? 'hide' : 'show');
}

// How many guesses it takes, as a power of two: no more than a hint, which forbids nothing. What
// repeats or goes on as before counts little.
function secret_bits(secret) {
    const codes = Array.from(secret, (letter) => letter.codePointAt(0));
    const pool = KINDS.reduce((sum, [kind, size]) => sum + (kind.test(secret) ? size : 0), 0);
    const step = (code, at) => at && Math.abs(code - codes[at - 1]) <= 1;
    const little = codes.filter((code, at) => step(code, at) || codes.indexOf(code) < at).length;
    return Math.log2(pool) * (codes.length - 0.65 * little);
}

function secret_hint(secret, name) {
    if (!secret) return '';
    const known = name && secret.toLowerCase().includes(name.toLowerCase());
    const bits = known ? 0 : secret_bits(secret);
    return text(bits < 30 ? 'secret_weak' : bits < 55 ? 'secret_fair' : 'secret_strong');
}

// Shows how strong the secret is in the first paragraph that describes its field; `name_of` answers
// what it had better not contain.
export function secret_judge(input, name_of) {
    const place = document.getElementById(input.getAttribute('aria-describedby').split(' ')[0]);
    input.addEventListener('input', () => text_show(place, secret_hint(input.value, name_of())));
}

// Wires every button that shows a secret.
export function form_init() {
    for (const button of document.querySelectorAll('.reveal')) {
        button.addEventListener('click', () => {
            secret_reveal(button, button.getAttribute('aria-pressed') !== 'true');
        });
    }
}
