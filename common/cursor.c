#include "cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

enum { CURSOR_SEQ_DIGITS_MAX = 16 };
static const int64_t cursor_seq_max = (INT64_C(1) << 53) - 1;

int cursor_parse(const char *text, struct cursor *ret_cursor)
{
    size_t epoch_length = strspn(text, "0123456789abcdef");
    const char *digits = text + epoch_length + 1;
    size_t digit_count;
    int64_t seq;

    if (epoch_length < 1 || epoch_length > CURSOR_EPOCH_MAX || text[epoch_length] != '-')
        return ERR_BAD_CURSOR;
    digit_count = strspn(digits, "0123456789");
    if (digit_count < 1 || digit_count > CURSOR_SEQ_DIGITS_MAX || digits[digit_count] != '\0' ||
        (digits[0] == '0' && digit_count > 1))
        return ERR_BAD_CURSOR;
    seq = strtoll(digits, NULL, 10);
    if (seq > cursor_seq_max)
        return ERR_BAD_CURSOR;

    *ret_cursor = (struct cursor){.seq = seq};
    memcpy(ret_cursor->epoch, text, epoch_length);
    return 0;
}

void cursor_format(const struct cursor *cursor, char ret_text[CURSOR_TEXT_MAX])
{
    snprintf(ret_text, CURSOR_TEXT_MAX, "%.*s-%" PRId64, CURSOR_EPOCH_MAX, cursor->epoch,
             cursor->seq);
}
