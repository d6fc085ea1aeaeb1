#include "sanitize.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "common/utf8.h"
#include "utf16.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define WORD_JOINER "\xe2\x81\xa0"
#define ISOLATE     "\xe2\x81\xa8" /* FSI */
#define ISOLATE_END "\xe2\x81\xa9" /* PDI */

static bool sanitize_is_break(utf8proc_int32_t point)
{
    return (point >= '\n' && point <= '\r') || point == 0x85 || point == 0x2028 || point == 0x2029;
}

static bool sanitize_is_space(utf8proc_int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);

    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* Reorders or hides what is around it. */
static bool sanitize_is_hostile(utf8proc_int32_t point)
{
    return (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x206f) ||
           (point >= 0xfff9 && point <= 0xfffb);
}

/* What a name can do without. Joiners and the tags of flags stay. */
static bool sanitize_is_format(utf8proc_int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_CF && point != 0x200c && point != 0x200d &&
           (point < 0xe0020 || point > 0xe007f);
}

/* Telegram sees nothing in these either: the blank of Braille, the object replacement. */
static bool sanitize_is_empty(utf8proc_int32_t point)
{
    return point == 0x2800 || point == 0xfffc;
}

/* The code point at the beginning and its bytes; a malformed byte is U+FFFD. */
static size_t sanitize_next(const char *text, utf8proc_int32_t *ret_point)
{
    utf8proc_ssize_t taken = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, ret_point);

    if (taken > 0)
        return (size_t)taken;
    *ret_point = 0xfffd;
    return 1;
}

static void sanitize_add_point(struct buf *buf, utf8proc_int32_t point)
{
    utf8proc_uint8_t bytes[4];

    buf_add(buf, bytes, (size_t)utf8proc_encode_char(point, bytes));
}

/* Nothing one could see behind `from`. */
static bool sanitize_is_blank(const struct buf *buf, size_t from)
{
    while (from < buf->length) {
        utf8proc_int32_t point;
        size_t taken = sanitize_next(buf->data + from, &point);

        if (!sanitize_is_empty(point) && !utf8_blank(buf->data + from, taken))
            return false;
        from += taken;
    }
    return true;
}

/* Behind a letter or a digit no command of a bot begins. */
static bool sanitize_is_word(utf8proc_int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);

    return point == '_' || category == UTF8PROC_CATEGORY_ND ||
           (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO);
}

/* Does Telegram take the slash at `text` for the beginning of a command? */
static bool sanitize_is_command(const char *text, utf8proc_int32_t before)
{
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t length = strspn(text + 1, word);
    char behind = text[1 + length];

    return length > 0 && !sanitize_is_word(before) && before != '/' && before != '<' &&
           before != '>' && behind != '/' && behind != '<' && behind != '>';
}

/* Adds `clean`, with no command in it. Addresses must stay what they are. */
static void sanitize_add(struct buf *buf, const char *clean)
{
    utf8proc_int32_t before = '\n', point;
    bool address = false;

    for (size_t taken; *clean; clean += taken, before = point) {
        taken = sanitize_next(clean, &point);
        buf_add(buf, clean, taken);
        if (sanitize_is_space(point))
            address = false;
        else if (strncmp(clean, "://", 3) == 0)
            address = true;
        if (point == '/' && !address && sanitize_is_command(clean, before))
            buf_adds(buf, WORD_JOINER);
    }
}

/* One line of what is at `text`, cleaned. `spare` leaves formatting characters that do no harm. */
static void sanitize_squeeze(struct buf *clean, const char *text, bool spare)
{
    utf8proc_int32_t point;
    bool space = false;

    for (size_t taken; *text; text += taken) {
        taken = sanitize_next(text, &point);
        if (sanitize_is_space(point)) {
            space = true;
        } else if (!sanitize_is_hostile(point) && (spare || !sanitize_is_format(point))) {
            if (space && clean->length > 0)
                buf_adds(clean, " ");
            space = false;
            sanitize_add_point(clean, point);
        }
    }
}

static bool sanitize_has_right_to_left(const char *text)
{
    utf8proc_int32_t point;

    for (size_t taken; *text; text += taken) {
        utf8proc_propval_t class;

        taken = sanitize_next(text, &point);
        class = utf8proc_get_property(point)->bidi_class;
        if (class == UTF8PROC_BIDI_CLASS_R || class == UTF8PROC_BIDI_CLASS_AL ||
            class == UTF8PROC_BIDI_CLASS_AN)
            return true;
    }
    return false;
}

bool sanitize_name(struct buf *buf, const char *name, size_t max_units)
{
    struct buf clean = {0};
    bool visible;

    buf_reserve(&clean, 0);
    sanitize_squeeze(&clean, name, false);
    visible = !sanitize_is_blank(&clean, 0);
    if (visible) {
        bool isolated = sanitize_has_right_to_left(clean.data);

        utf16_shorten(&clean, 0, max_units, SIZE_MAX);
        buf_adds(buf, isolated ? ISOLATE : "");
        sanitize_add(buf, clean.data);
        buf_adds(buf, isolated ? ISOLATE_END : "");
    }
    buf_release(&clean);
    return visible;
}

bool sanitize_line(struct buf *buf, const char *text)
{
    struct buf clean = {0};
    bool visible;

    buf_reserve(&clean, 0);
    sanitize_squeeze(&clean, text, true);
    visible = !sanitize_is_blank(&clean, 0);
    if (visible)
        sanitize_add(buf, clean.data);
    buf_release(&clean);
    return visible;
}

/* Adds what stands before the next end of a line; returns what comes behind that. */
static const char *sanitize_text_line(struct buf *clean, const char *text)
{
    while (*text) {
        utf8proc_int32_t point;
        size_t taken = sanitize_next(text, &point);

        text += taken;
        if (sanitize_is_break(point))
            return point == '\r' && *text == '\n' ? text + 1 : text;
        if (utf8proc_category(point) == UTF8PROC_CATEGORY_CC)
            buf_adds(clean, " ");
        else if (!sanitize_is_hostile(point))
            sanitize_add_point(clean, point);
    }
    return text;
}

bool sanitize_text(struct buf *buf, const char *text)
{
    struct buf clean = {0};
    const char *begin;
    size_t length;
    bool gap = false;

    buf_reserve(&clean, 0);
    while (*text) {
        size_t end = clean.length, line;

        if (end > 0)
            buf_adds(&clean, gap ? "\n\n" : "\n");
        line = clean.length;
        text = sanitize_text_line(&clean, text);
        gap = sanitize_is_blank(&clean, line);
        if (gap)
            buf_cut(&clean, end);
    }
    begin = clean.data;
    length = clean.length;
    utf8_trim(&begin, &length);
    buf_cut(&clean, (size_t)(begin - clean.data) + length);
    sanitize_add(buf, begin);
    buf_release(&clean);
    return length > 0;
}
