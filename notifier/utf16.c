#include "utf16.h"

#include <utf8proc.h>

#include "common/utf8.h"

static const char utf16_ellipsis[] = "…";

enum { UTF16_ELLIPSIS_UNITS = 1, UTF16_ELLIPSIS_BYTES = sizeof(utf16_ellipsis) - 1 };

/* The code point at the beginning; returns its bytes. What is malformed counts byte by byte. */
static size_t utf16_next(const char *text, size_t length, utf8proc_int32_t *ret_point)
{
    utf8proc_ssize_t taken =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, ret_point);

    if (taken > 0)
        return (size_t)taken;
    *ret_point = 0xfffd;
    return 1;
}

size_t utf16_units(const char *text, size_t length)
{
    size_t units = 0;

    for (size_t at = 0; at < length;) {
        utf8proc_int32_t point;

        at += utf16_next(text + at, length - at, &point);
        units += point > 0xffff ? 2 : 1;
    }
    return units;
}

size_t utf16_cut(const char *text, size_t length, size_t max_units, size_t max_bytes)
{
    size_t at = 0, units = 0;
    size_t point_end = 0, grapheme_end = 0; /* the last ones behind which "…" has room */
    utf8proc_int32_t before = 0, state = 0;

    while (at < length) {
        utf8proc_int32_t point;
        size_t taken = utf16_next(text + at, length - at, &point);
        bool begins = at > 0 && utf8proc_grapheme_break_stateful(before, point, &state);

        if (units + UTF16_ELLIPSIS_UNITS <= max_units && at + UTF16_ELLIPSIS_BYTES <= max_bytes) {
            point_end = at;
            if (begins)
                grapheme_end = at;
        }
        at += taken;
        units += point > 0xffff ? 2 : 1;
        if (units > max_units || at > max_bytes)
            return utf8_blank(text, grapheme_end) ? point_end : grapheme_end;
        before = point;
    }
    return length;
}

void utf16_shorten(struct buf *buf, size_t from, size_t max_units, size_t max_bytes)
{
    size_t length = buf->length - from;
    size_t kept = length > 0 ? utf16_cut(buf->data + from, length, max_units, max_bytes) : 0;

    if (kept < length) {
        buf_cut(buf, from + kept);
        buf_adds(buf, utf16_ellipsis);
    }
}
