// The page /docs: the API reference for people, made from the contract.

import { $, el } from './dom.js';
import {
    schema_contract_set, schema_fields, schema_line, schema_resolve, schema_show,
} from './docs_schema.js';
import { text_inline, text_paragraphs } from './docs_text.js';
import { try_form } from './docs_try.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

// Every operation as { method, path, operation, parameters }, in the order of the contract.
function calls_of(contract) {
    return Object.entries(contract.paths).flatMap(([path, item]) =>
        Object.keys(item).filter((key) => METHODS.includes(key)).map((method) => ({
            method: method.toUpperCase(),
            path,
            operation: item[method],
            parameters: [...item.parameters ?? [], ...item[method].parameters ?? []]
                .map(schema_resolve),
        })));
}

function parameters_show(call) {
    if (!call.parameters.length) return null;
    const rows = call.parameters.map((one) => {
        const about = `In the ${one.in}. ${one.description ?? ''}`;
        return el('li', {}, ...schema_line(one.name, one.schema, one.required, about));
    });
    return el('div', {}, el('h4', {}, 'Parameters'), el('ul', { class: 'fields' }, ...rows));
}

function body_show(call) {
    const json = call.operation.requestBody?.content['application/json'];
    return json && el('div', {}, el('h4', {}, 'Body'),
        schema_show(json.schema), example_show(json));
}

function example_show(content) {
    const { example } = content;
    if (example === undefined) return null;
    const text = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
    return el('pre', { tabIndex: 0 }, text);
}

// Of an error the codes say it all: the shape is the same everywhere.
function content_show(media, content) {
    if (media === 'application/problem+json') {
        const codes = schema_resolve(content.schema).properties.code.enum ?? [];
        return el('p', {}, 'code ',
            ...codes.flatMap((code) => [el('code', { class: 'code' }, code), ' ']));
    }
    return el('div', {}, el('p', { class: 'dim' }, media),
        schema_show(content.schema), example_show(content));
}

function reply_show([status, reference]) {
    const reply = schema_resolve(reference);
    const headers = Object.entries(reply.headers ?? {})
        .filter(([name]) => name !== 'X-Request-Id') // every reply has it
        .map(([name, header]) => el('p', {}, el('code', {}, name), ' ',
            ...text_inline(schema_resolve(header).description)));
    return el('li', {},
        el('strong', { class: `status ${status < 400 ? 'good' : 'bad'}` }, status), ' ',
        ...text_inline(reply.description), ...headers,
        ...Object.entries(reply.content ?? {}).map(([media, one]) => content_show(media, one)));
}

function call_fill(node, call) {
    const { operation } = call;
    const anyone = operation.security?.length === 0;
    node.append(el('div', { class: 'inside' },
        ...text_paragraphs(operation.description),
        el('p', { class: 'dim' },
            anyone ? 'Anyone may call this.' : 'Needs a session or a bearer token.'),
        parameters_show(call), body_show(call), el('h4', {}, 'Replies'),
        el('ul', { class: 'replies' }, ...Object.entries(operation.responses).map(reply_show)),
        try_form(call)));
}

// Filled when it is opened first. Its path breaks at a slash, if it must.
function call_node(call) {
    const { operation, method, path } = call;
    const steps = path.split(/(?=\/)/).flatMap((step) => [step, el('wbr')]);
    const node = el('details', { class: 'call', id: operation.operationId }, el('summary', {},
        el('span', { class: `method ${method.toLowerCase()}` }, method), ' ',
        el('code', { class: 'path' }, ...steps), ' ',
        el('span', { class: 'about' }, operation.summary)));
    node.addEventListener('toggle', () => {
        if (node.open && node.childElementCount === 1) call_fill(node, call);
    });
    return node;
}

function link_to(call) {
    const { operationId, summary } = call.operation;
    return el('li', {}, el('a', { href: `#${operationId}` }, summary));
}

function schemas_show(contract) {
    const objects = Object.entries(contract.components.schemas)
        .filter(([, schema]) => schema.properties)
        .map(([name, schema]) => el('details', { class: 'call' },
            el('summary', {}, el('code', { class: 'path' }, name)),
            el('div', { class: 'inside' },
                ...text_paragraphs(schema.description), schema_fields(schema))));
    return el('section', { id: 'schemas' }, el('h2', {}, 'Schemas'), ...objects);
}

// What of a call is searched: what a person sees of it, the error codes and field names included.
function words_of(call) {
    const seen = [];
    const walk = (value) => {
        if (typeof value === 'string') return seen.push(value);
        return Object.entries(value ?? {}).forEach(([key, inner]) => {
            seen.push(key);
            walk(inner);
        });
    };
    walk([call.method, call.path, call.operation, call.parameters]);
    walk(Object.values(call.operation.responses).map(schema_resolve));
    return seen.join(' ').toLowerCase();
}

function filter_watch(shown, sections) {
    const look = () => {
        const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
        let count = 0;
        for (const one of shown) {
            const match = words.every((word) => one.words.includes(word));
            one.node.hidden = one.link.hidden = !match;
            count += match;
        }
        for (const { section, entry, nodes } of sections)
            section.hidden = entry.hidden = nodes.every((node) => node.hidden);
        $('schemas').hidden = words.length > 0;
        $('count').textContent = `${words.length ? `${count} of ` : ''}${shown.length} calls`;
    };
    $('filter').addEventListener('input', look);
    look();
}

// The call that the address names is opened, also where it was filtered away.
function hash_follow() {
    const node = document.getElementById(location.hash.slice(1));
    if (!node?.matches('.call')) return;
    if (node.hidden) {
        $('filter').value = '';
        $('filter').dispatchEvent(new Event('input'));
    }
    node.open = true;
    node.scrollIntoView();
    node.firstElementChild.focus({ preventScroll: true });
}

function contract_show(contract) {
    schema_contract_set(contract);
    const shown = calls_of(contract).map((call) => (
        { call, words: words_of(call), node: call_node(call), link: link_to(call) }));
    const sections = contract.tags.map(({ name, description }) => {
        const own = shown.filter((one) => one.call.operation.tags[0] === name);
        const nodes = own.map((one) => one.node);
        return {
            nodes,
            section: el('section', {}, el('h2', {}, name),
                el('p', { class: 'dim' }, description), ...nodes),
            entry: el('div', {}, el('h3', {}, name),
                el('ul', {}, ...own.map((one) => one.link))),
        };
    });
    const intro = el('section', {}, el('p', { class: 'lead' }, contract.info.summary),
        ...text_paragraphs(contract.info.description));
    $('main').replaceChildren(intro, ...sections.map((one) => one.section),
        schemas_show(contract));
    $('contents').append(...sections.map((one) => one.entry));
    $('contents').open = matchMedia('(min-width: 60rem)').matches;
    filter_watch(shown, sections);
    addEventListener('hashchange', hash_follow);
    hash_follow();
}

async function start() {
    try {
        const reply = await fetch('openapi.json');
        if (!reply.ok) throw new Error(`openapi.json: ${reply.status}`);
        contract_show(await reply.json());
    } catch (error) {
        const why = `The contract could not be loaded. ${error.message}`;
        $('main').replaceChildren(el('p', { class: 'bad', role: 'alert' }, why));
    }
}

start();
