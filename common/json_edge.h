/* JSON as it comes from strangers: json-c, made strict.
 *
 * json-c alone accepts NaN, Infinity, single quotes, raw control characters, duplicate keys (the
 * last wins), caps 20-digit integers, and turns lone surrogate escapes into U+FFFD silently (facts:
 * json-c 0.16). Here all of these, and \u0000, raw NUL, invalid UTF-8, trailing bytes and nesting
 * over `max_depth`, are ERR_BAD_JSON. */
#ifndef PERCH_JSON_EDGE_H
#define PERCH_JSON_EDGE_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "buf.h"

/* ret_object is the caller's: json_object_put() it. Any JSON value is accepted at the top; `null`
 * gives NULL, as always with json-c. Numbers: whole ones that fit int64, others that stay finite.
 */
int json_edge_parse(const char *text, size_t length, int max_depth, struct json_object **ret_object)
    __attribute__((warn_unused_result));

/* Appends `text` with U+FFFD for each NUL that is written as an escape. For what Telegram passes
 * on: a person may send one (in a tap's data, for instance), and is to be answered all the same. */
void json_edge_without_nul(const char *text, size_t length, struct buf *ret_text);

#endif
