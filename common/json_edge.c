/* A strict pass over the raw text, following the grammar of RFC 8259, before json-c sees it:
 * whatever json-c would let through or mend in silence is refused here. Keys are compared where
 * escapes no longer hide anything: the pass counts the members, and json-c, for which the last of
 * two equal keys wins, then has fewer. */
#include "json_edge.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "utf8.h"

/* Longer numbers are refused: nobody means them. */
enum { JSON_EDGE_NUMBER_MAX = 64 };

struct json_edge {
    const char *at;
    const char *end;
    int depth_left;
    size_t members; /* of all objects together */
};

static bool json_edge_value(struct json_edge *edge);

static void json_edge_space(struct json_edge *edge)
{
    while (edge->at < edge->end && memchr(" \t\n\r", *edge->at, 4))
        edge->at++;
}

static bool json_edge_take(struct json_edge *edge, char byte)
{
    if (edge->at == edge->end || *edge->at != byte)
        return false;
    edge->at++;
    return true;
}

static bool json_edge_word(struct json_edge *edge, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(edge->end - edge->at) < length || memcmp(edge->at, word, length) != 0)
        return false;
    edge->at += length;
    return true;
}

static bool json_edge_digits(struct json_edge *edge)
{
    const char *begin = edge->at;

    while (edge->at < edge->end && *edge->at >= '0' && *edge->at <= '9')
        edge->at++;
    return edge->at > begin;
}

/* Would json-c keep the value? Whole numbers beyond 64 bits it caps, large exponents it makes
 * infinite. */
static bool json_edge_number_fits(const char *begin, size_t length, bool whole)
{
    char copy[JSON_EDGE_NUMBER_MAX + 1];

    if (length > JSON_EDGE_NUMBER_MAX)
        return false;
    memcpy(copy, begin, length);
    copy[length] = '\0';
    if (!whole)
        return isfinite(strtod(copy, NULL));
    errno = 0;
    (void)strtoll(copy, NULL, 10);
    return errno == 0;
}

static bool json_edge_number(struct json_edge *edge)
{
    const char *begin = edge->at;
    bool whole = true;

    json_edge_take(edge, '-');
    if (!json_edge_take(edge, '0') && !json_edge_digits(edge))
        return false;
    if (json_edge_take(edge, '.')) {
        whole = false;
        if (!json_edge_digits(edge))
            return false;
    }
    if (json_edge_take(edge, 'e') || json_edge_take(edge, 'E')) {
        whole = false;
        if (!json_edge_take(edge, '+'))
            json_edge_take(edge, '-');
        if (!json_edge_digits(edge))
            return false;
    }
    return json_edge_number_fits(begin, (size_t)(edge->at - begin), whole);
}

/* Four hexadecimal digits; -1 if they are not. */
static int json_edge_hex(struct json_edge *edge)
{
    int unit = 0;

    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit;

        if (edge->at == edge->end || !(digit = memchr(digits, *edge->at, sizeof(digits) - 1)))
            return -1;
        unit = unit * 16 + (int)(digit - digits) % 16;
        edge->at++;
    }
    return unit;
}

/* What follows a backslash: no \u0000, and surrogates only as a pair, high before low. */
static bool json_edge_escape(struct json_edge *edge)
{
    int unit;

    if (edge->at == edge->end)
        return false;
    if (*edge->at != 'u')
        return memchr("\"\\/bfnrt", *edge->at++, 8) != NULL;
    edge->at++;
    unit = json_edge_hex(edge);
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!json_edge_word(edge, "\\u"))
            return false;
        unit = json_edge_hex(edge);
        return unit >= 0xdc00 && unit <= 0xdfff;
    }
    return unit > 0 && !(unit >= 0xdc00 && unit <= 0xdfff);
}

static bool json_edge_string(struct json_edge *edge)
{
    if (!json_edge_take(edge, '"'))
        return false;
    while (edge->at < edge->end) {
        unsigned char byte = (unsigned char)*edge->at++;

        if (byte == '"')
            return true;
        if (byte < 0x20 || (byte == '\\' && !json_edge_escape(edge)))
            return false;
    }
    return false;
}

static bool json_edge_member(struct json_edge *edge)
{
    edge->members++;
    json_edge_space(edge);
    if (!json_edge_string(edge))
        return false;
    json_edge_space(edge);
    return json_edge_take(edge, ':') && json_edge_value(edge);
}

/* The inside and the end of an object or array. */
static bool json_edge_items(struct json_edge *edge, bool (*item)(struct json_edge *), char closing)
{
    bool good;

    if (edge->depth_left-- == 0)
        return false;
    json_edge_space(edge);
    if (!json_edge_take(edge, closing)) {
        do
            good = item(edge);
        while (good && json_edge_take(edge, ','));
        if (!good || !json_edge_take(edge, closing))
            return false;
    }
    edge->depth_left++;
    json_edge_space(edge);
    return true;
}

/* A value with the white space around it. */
static bool json_edge_value(struct json_edge *edge)
{
    bool good;

    json_edge_space(edge);
    if (edge->at == edge->end)
        return false;
    switch (*edge->at) {
    case '{':
        edge->at++;
        return json_edge_items(edge, json_edge_member, '}');
    case '[':
        edge->at++;
        return json_edge_items(edge, json_edge_value, ']');
    case '"':
        good = json_edge_string(edge);
        break;
    case 't':
        good = json_edge_word(edge, "true");
        break;
    case 'f':
        good = json_edge_word(edge, "false");
        break;
    case 'n':
        good = json_edge_word(edge, "null");
        break;
    default:
        good = json_edge_number(edge);
    }
    json_edge_space(edge);
    return good;
}

static size_t json_edge_members(struct json_object *object)
{
    size_t members = 0;

    if (json_object_is_type(object, json_type_object)) {
        members = (size_t)json_object_object_length(object);
        json_object_object_foreach (object, key, value) {
            (void)key;
            members += json_edge_members(value);
        }
    } else if (json_object_is_type(object, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(object); i++)
            members += json_edge_members(json_object_array_get_idx(object, i));
    }
    return members;
}

/* The code point of a pair of \u escapes that the strict pass has seen; `at` stands behind the
 * backslash. */
static unsigned json_edge_pair(const char *at)
{
    struct json_edge edge = {.at = at + 1, .end = at + 11};
    unsigned high = (unsigned)json_edge_hex(&edge);

    edge.at += 2;
    return 0x10000 + ((high & 0x3ff) << 10) + ((unsigned)json_edge_hex(&edge) & 0x3ff);
}

/* Pairs of escapes as plain UTF-8, all else as it is: json-c looks at the low 16 bits of a pair's
 * code point, takes U+1D800, U+2D912 and others like them for half a pair, and puts U+FFFD there.
 * `text` has passed the strict pass. */
static void json_edge_pairs_plain(const char *text, size_t length, struct buf *ret_plain)
{
    const char *end = text + length;
    const char *escape;

    for (; (escape = memchr(text, '\\', (size_t)(end - text))); text = escape) {
        buf_add(ret_plain, text, (size_t)(escape - text));
        if (escape[1] == 'u' && memchr("dD", escape[2], 2) && memchr("89abAB", escape[3], 6)) {
            unsigned point = json_edge_pair(escape + 1);
            const char bytes[4] = {(char)(0xf0 | point >> 18), (char)(0x80 | (point >> 12 & 0x3f)),
                                   (char)(0x80 | (point >> 6 & 0x3f)),
                                   (char)(0x80 | (point & 0x3f))};

            buf_add(ret_plain, bytes, sizeof(bytes));
            escape += 12;
        } else {
            buf_add(ret_plain, escape, 2);
            escape += 2;
        }
    }
    buf_add(ret_plain, text, (size_t)(end - text));
}

int json_edge_parse(const char *text, size_t length, int max_depth, struct json_object **ret_object)
{
    struct json_edge edge = {.at = text, .end = text + length, .depth_left = max_depth};
    struct json_tokener *tokener = NULL;
    struct json_object *object = NULL;
    struct buf plain = {0};
    int err = ERR_BAD_JSON;

    if (length == 0 || length > INT_MAX || !utf8_valid(text, length))
        return ERR_BAD_JSON;
    if (!json_edge_value(&edge) || edge.at != edge.end)
        return ERR_BAD_JSON;

    tokener = json_tokener_new_ex(max_depth + 1); /* it counts a bare value as one level */
    if (!tokener)
        return ERR_INTERNAL;
    json_edge_pairs_plain(text, length, &plain);
    object = json_tokener_parse_ex(tokener, plain.data, (int)plain.length);
    if (json_tokener_get_error(tokener) == json_tokener_continue) /* a bare number may go on */
        object = json_tokener_parse_ex(tokener, "", 1);
    if (json_tokener_get_error(tokener) != json_tokener_success)
        goto out;
    if (json_edge_members(object) != edge.members)
        goto out;

    *ret_object = object;
    object = NULL;
    err = 0;
out:
    json_object_put(object);
    json_tokener_free(tokener);
    buf_release(&plain);
    return err;
}

void json_edge_without_nul(const char *text, size_t length, struct buf *ret_text)
{
    const char *end = text + length;
    const char *escape;

    for (; (escape = memchr(text, '\\', (size_t)(end - text))) != NULL && end - escape >= 2;
         text = escape) {
        bool nul = end - escape >= 6 && memcmp(escape + 1, "u0000", 5) == 0;

        buf_add(ret_text, text, (size_t)(escape - text));
        buf_add(ret_text, nul ? "\\ufffd" : escape, nul ? 6 : 2);
        escape += nul ? 6 : 2;
    }
    buf_add(ret_text, text, (size_t)(end - text));
}
