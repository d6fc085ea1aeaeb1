#include "utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "err.h"

/* The code point at the beginning; returns how many bytes it takes, 0 for anything malformed. */
static size_t utf8_next(const char *text, size_t length, utf8proc_int32_t *ret_point)
{
    utf8proc_ssize_t taken;

    taken = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, ret_point);
    return taken > 0 ? (size_t)taken : 0;
}

/* Calls the predicate for each code point; stops at the first for which it says yes. */
static bool utf8_any(const char *text, size_t length, bool (*predicate)(utf8proc_int32_t point))
{
    while (length > 0) {
        utf8proc_int32_t point;
        size_t taken = utf8_next(text, length, &point);

        if (taken == 0 || predicate(point))
            return true;
        text += taken;
        length -= taken;
    }
    return false;
}

static bool utf8_point_is_nul(utf8proc_int32_t point)
{
    return point == 0;
}

static bool utf8_point_is_control(utf8proc_int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_CC || point == 0x2028 || point == 0x2029;
}

static bool utf8_point_is_space(utf8proc_int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);

    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP || (point >= '\t' && point <= '\r') || point == 0x85;
}

static bool utf8_point_is_visible(utf8proc_int32_t point)
{
    return !utf8_point_is_space(point) && utf8proc_category(point) != UTF8PROC_CATEGORY_CF &&
           !utf8proc_get_property(point)->ignorable;
}

bool utf8_valid(const char *text, size_t length)
{
    return !utf8_any(text, length, utf8_point_is_nul);
}

size_t utf8_count(const char *text, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80; /* not a continuation byte */
    return count;
}

bool utf8_has_control(const char *text, size_t length)
{
    return utf8_any(text, length, utf8_point_is_control);
}

bool utf8_blank(const char *text, size_t length)
{
    return !utf8_any(text, length, utf8_point_is_visible);
}

void utf8_trim(const char **text, size_t *length)
{
    utf8proc_int32_t point;

    while (*length > 0) {
        size_t taken = utf8_next(*text, *length, &point);

        if (taken == 0 || !utf8_point_is_space(point))
            break;
        *text += taken;
        *length -= taken;
    }
    while (*length > 0) {
        size_t start = *length - 1;

        while (start > 0 && ((unsigned char)(*text)[start] & 0xc0) == 0x80)
            start--;
        if (utf8_next(*text + start, *length - start, &point) == 0 || !utf8_point_is_space(point))
            break;
        *length = start;
    }
}

int utf8_fold(const char *text, size_t length, char **ret_key)
{
    const utf8proc_option_t nfkc_casefold =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_uint8_t *key = NULL;
    utf8proc_ssize_t result;

    if (!utf8_valid(text, length))
        return ERR_INVALID;
    result =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &key, nfkc_casefold);
    if (result < 0)
        return result == UTF8PROC_ERROR_NOMEM ? ERR_INTERNAL : ERR_INVALID;
    *ret_key = (char *)key;
    return 0;
}
