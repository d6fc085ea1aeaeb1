// "Try it": a form that makes one call, as the visitor or by a bearer token, and shows the answer.

import { $, el } from './dom.js';
import { schema_resolve, schema_type } from './docs_schema.js';

const HEADERS = ['Content-Type', 'Retry-After', 'Allow', 'X-Request-Id'];
const SHOWN_MAX = 100000;
const SESSION_CALL = /^(POST .*\/(accounts|sessions)|DELETE .*\/(me|sessions\/current))$/;

function input_of(parameter) {
    const schema = schema_resolve(parameter.schema);
    const required = parameter.required ?? false;
    if (schema.enum)
        return el('select', { required }, ...['', ...schema.enum].map((value) =>
            el('option', {}, value)));
    const example = [].concat(parameter.example ?? []).join(',');
    const placeholder = example ? `e.g. ${example}` : schema_type(parameter.schema);
    return el('input', { required, placeholder, autocomplete: 'off' });
}

function path_of(call, inputs) {
    const query = new URLSearchParams();
    for (const { parameter, input } of inputs)
        if (parameter.in === 'query' && input.value) query.append(parameter.name, input.value);
    const value_of = (name) => inputs.find(({ parameter }) =>
        parameter.in === 'path' && parameter.name === name).input.value;
    const path = call.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value_of(name)));
    return String(query) ? `${path}?${query}` : path;
}

function request_of(call, inputs, body, signal) {
    const headers = new Headers();
    for (const { parameter, input } of inputs)
        if (parameter.in === 'header' && input.value) headers.set(parameter.name, input.value);
    const token = $('token').value.trim();
    if (token) headers.set('Authorization', `Bearer ${token}`);
    if (body) headers.set('Content-Type', 'application/json');
    return { method: call.method, headers, body: body?.value, signal, cache: 'no-store' };
}

// JSON with its lines broken, anything else as it is.
function readable(text) {
    try {
        text = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        // It stays as it came.
    }
    return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

async function reply_show(output, path, request) {
    const started = performance.now();
    const reply = await fetch(path, request);
    const text = await reply.text();
    // Whose session the browser has may be another now: the messenger's open pages start anew.
    if (reply.ok && SESSION_CALL.test(`${request.method} ${path}`))
        new BroadcastChannel('perch').postMessage(undefined);
    const took = Math.round(performance.now() - started);
    const status = `${reply.status} ${reply.statusText}`.trim();
    const headers = HEADERS.filter((name) => reply.headers.has(name))
        .map((name) => `${name}: ${reply.headers.get(name)}`);
    output.replaceChildren(
        el('p', {}, el('strong', { class: reply.ok ? 'good' : 'bad' }, status),
            ` in ${took} ms: ${request.method} ${path}`),
        el('pre', {}, headers.join('\n')),
        ...text ? [el('pre', { tabIndex: 0 }, readable(text))] : []);
}

// The button sends, asks once more before what changes something, and stops a call that waits.
function submit_watch(form, button, call, send) {
    const unsafe = call.method !== 'GET';
    const label = `Send ${call.method}`;
    let armed = false;
    let under_way = null;
    const draw = () => {
        const asked = armed ? `Really ${call.method}: this changes something` : label;
        button.textContent = under_way ? 'Stop' : asked;
        button.classList.toggle('is-armed', armed);
    };
    button.addEventListener('blur', () => { armed = false; draw(); });
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (under_way) return under_way.abort();
        if (unsafe && !armed) {
            armed = true;
            return draw();
        }
        armed = false;
        under_way = new AbortController();
        draw();
        await send(under_way.signal);
        under_way = null;
        draw();
    });
    draw();
}

// `call` is { method, path, operation, parameters }.
export function try_form(call) {
    const inputs = call.parameters.map((one) => ({ parameter: one, input: input_of(one) }));
    const json = call.operation.requestBody?.content['application/json'];
    const body = json && el('textarea', { rows: 5, spellcheck: false, required: true },
        JSON.stringify(json.example ?? {}, null, 2));
    const button = el('button', { type: 'submit' });
    const output = el('div', { class: 'output', role: 'status' });
    const form = el('form', { class: 'try' }, el('h4', {}, 'Try it'),
        ...inputs.map(({ parameter, input }) => el('label', {},
            el('code', {}, parameter.name), ` in ${parameter.in}`, input)),
        body && el('label', {}, 'Body', body), button, output);
    submit_watch(form, button, call, async (signal) => {
        output.replaceChildren(el('p', {}, 'Waiting for the answer…'));
        try {
            const request = request_of(call, inputs, body, signal);
            await reply_show(output, path_of(call, inputs), request);
        } catch (error) {
            const why = signal.aborted ? 'Stopped.' : `No answer: ${error.message}`;
            output.replaceChildren(el('p', { class: 'bad' }, why));
        }
    });
    return form;
}
