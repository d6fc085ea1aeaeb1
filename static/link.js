// What in a text is a web address and what is found in it: text → parts, nothing of the document.

// An address ends at white space, quotes, brackets of markup, and whatever is unseen or turns the
// direction, so that none can look like another.
const WORD = String.raw`[^\s<>"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e`
    + String.raw`\u2060-\u206f\ufeff\ufff0-\uffff]`;
const ADDRESS = new RegExp(
    String.raw`(?<![\p{L}\p{N}_])https?:\/\/${WORD}+|(?<![\p{L}\p{N}_@/.:-])www\.${WORD}+`, 'giu');
const CLOSING = { ')': '(', ']': '[', '}': '{' };
const TAIL = /[.,;:!?'*_~…»«”“’‘。、，！？；：]/;
const NAME = /[^.]\.[^.]/;      // a bare www. goes on with a name and a dot

// Without the punctuation of the sentence; a closing bracket stays where its opening one does.
function address_trim(word) {
    const count = (sign) => word.split(sign).length - 1;
    const open = {};
    for (const [closing, opening] of Object.entries(CLOSING))
        open[closing] = count(opening) - count(closing);
    let end = word.length;
    for (; end > 0; end--) {
        const sign = word[end - 1];
        if (sign in CLOSING && open[sign] < 0) open[sign]++;
        else if (Object.values(CLOSING).includes(sign)) break;
        else if (!TAIL.test(sign)) break;
    }
    return word.slice(0, end);
}

// The address that a word means, or null. A name before the host ("//bank@host") is there to
// deceive.
function address_of(word) {
    try {
        const bare = /^www\./i.test(word);
        const url = new URL(bare ? `https:${word}` : word);
        const plain = /^https?:$/.test(url.protocol) && !url.username && !url.password;
        return plain && (!bare || NAME.test(url.hostname.slice(4))) ? url : null;
    } catch {
        return null;
    }
}

// The text cut into {text} and links {text, href, host}. `host` is what a browser asks for, where
// letters beyond ASCII write it differently.
export function link_parts(text) {
    const parts = [];
    let from = 0;
    const plain = (upto) => { if (upto > from) parts.push({ text: text.slice(from, upto) }); };
    for (const found of text.matchAll(ADDRESS)) {
        const word = address_trim(found[0]);
        const url = address_of(word);
        if (!url) continue;
        plain(found.index);
        const host = word.toLowerCase().includes(url.hostname) ? undefined : url.host;
        parts.push({ text: word, href: url.href, host });
        from = found.index + word.length;
    }
    plain(text.length);
    return parts;
}

// The words of a search as the server understands it: what "-word" excludes is not looked for.
function query_words(q) {
    const wanted = q.toLowerCase().replace(/(^|\s)-\S+/g, ' ').match(/[\p{L}\p{N}]+/gu) ?? [];
    return wanted.filter((word) => word !== 'or');
}

// The text cut into {text, hit}: `hit` where a word begins like one of the search.
export function found_parts(text, q) {
    const words = query_words(q).sort((a, b) => b.length - a.length);
    if (!words.length) return [{ text, hit: false }];
    const hit = new RegExp(String.raw`(?<![\p{L}\p{N}])(${words.join('|')})`, 'giu');
    return text.split(hit).map((piece, at) => ({ text: piece, hit: at % 2 === 1 }))
        .filter((part) => part.text);
}
