// The markup of the contract's descriptions as nodes: paragraphs, `code` and **bold**.

import { el } from './dom.js';

export function text_inline(text = '') {
    return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
        if (part.startsWith('`')) return el('code', {}, part.slice(1, -1));
        return part.startsWith('**') ? el('strong', {}, part.slice(2, -2)) : part;
    });
}

export function text_paragraphs(text = '') {
    return text.trim().split(/\n\s*\n/).filter(Boolean)
        .map((paragraph) => el('p', {}, ...text_inline(paragraph.replace(/\s+/g, ' '))));
}
