// Schemas of the contract in words and as lists of fields.

import { el } from './dom.js';
import { text_inline } from './docs_text.js';

let contract = {};

export function schema_contract_set(document) {
    contract = document;
}

// Follows a reference. What stands beside it adds to what it leads to, in properties too.
export function schema_resolve(node = {}) {
    if (!node.$ref) return node;
    const { $ref, ...beside } = node;
    const target = schema_resolve($ref.split('/').slice(1).reduce((at, key) => at[key], contract));
    const properties = { ...target.properties };
    for (const [name, more] of Object.entries(beside.properties ?? {}))
        properties[name] = { ...schema_resolve(properties[name]), ...more };
    return { ...target, ...beside, ...target.properties && { properties } };
}

// "integer", "string or null", "array of Message" …
export function schema_type(node) {
    const schema = schema_resolve(node);
    const choices = schema.oneOf ?? schema.anyOf;
    if ('const' in schema) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
    if (choices) return choices.map(schema_type).join(' or ');
    if (schema.type === 'array') return `array of ${schema_type(schema.items)}`;
    if (schema.type === 'object' && node.$ref) return node.$ref.split('/').pop();
    return [].concat(schema.type ?? 'anything').join(' or ');
}

function range(from, to, unit) {
    if (from === undefined && to === undefined) return '';
    if (from === undefined) return `at most ${to}${unit}`;
    return to === undefined ? `at least ${from}${unit}` : `${from} to ${to}${unit}`;
}

// What bounds the values, and which is the default.
function bounds(schema) {
    return [
        range(schema.minLength, schema.maxLength, ' characters'),
        range(schema.minItems, schema.maxItems, ' items'),
        range(schema.minimum, schema.maximum, ''),
        schema.format && `format ${schema.format}`,
        schema.pattern && `pattern ${schema.pattern}`,
        'default' in schema && `default ${JSON.stringify(schema.default)}`,
    ].filter(Boolean).join(', ');
}

// The line about a field or parameter.
export function schema_line(name, node, required, description) {
    const schema = schema_resolve(node);
    return [
        el('code', { class: 'name' }, name), ' ',
        el('span', { class: 'type' }, schema_type(node)), ' ',
        required ? el('strong', { class: 'required' }, 'required')
            : el('span', { class: 'dim' }, 'optional'),
        el('span', { class: 'about' }, ...text_inline(description ?? schema.description)),
        el('span', { class: 'dim bounds' },
            bounds({ ...schema.items && schema_resolve(schema.items), ...schema })),
    ];
}

function choice(node) {
    const fields = schema_fields(node);
    return fields && el('li', {}, el('span', { class: 'type' }, schema_type(node)),
        el('span', { class: 'about' }, ...text_inline(schema_resolve(node).description)), fields);
}

// The fields of an object, of an array's items or of each of several choices, if there are any.
export function schema_fields(node) {
    const schema = schema_resolve(node);
    const choices = schema.oneOf ?? schema.anyOf;
    if (schema.items) return schema_fields(schema.items);
    if (choices) {
        const shown = choices.map(choice).filter(Boolean);
        return shown.length ? el('ul', { class: 'fields' }, ...shown) : null;
    }
    if (!schema.properties) return null;
    const fields = Object.entries(schema.properties).map(([name, property]) => el('li', {},
        ...schema_line(name, property, schema.required?.includes(name)), schema_fields(property)));
    return el('ul', { class: 'fields' }, ...fields);
}

// A schema whole: its type, where that says anything, and its fields.
export function schema_show(node) {
    const type = schema_type(node);
    return el('div', {}, type !== 'object' && el('span', { class: 'type' }, type),
        schema_fields(node));
}
