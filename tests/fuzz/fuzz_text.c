/* Small texts with a form of their own: cursors, UUIDs, times. What is taken is written the same
 * way again, or has the form the definition asks for. */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cursor.h"
#include "common/err.h"
#include "fcgi-app/rfc3339.h"
#include "fcgi-app/uuid.h"

static void check_cursor(const char *text)
{
    char again[CURSOR_TEXT_MAX];
    struct cursor cursor = {.seq = -1};
    int err = cursor_parse(text, &cursor);

    FUZZ_CHECK(err == 0 || (err == ERR_BAD_CURSOR && cursor.seq == -1));
    if (err == 0) {
        cursor_format(&cursor, again);
        FUZZ_CHECK(strcmp(again, text) == 0);
        FUZZ_CHECK(cursor.seq >= 0 && cursor.seq < (INT64_C(1) << 53));
    }
}

static void check_uuid(const char *text)
{
    size_t digits = 0;

    if (!uuid_valid(text))
        return;
    for (const char *c = text; *c; c++)
        digits += isxdigit((unsigned char)*c) != 0;
    FUZZ_CHECK(strlen(text) == 36 && digits == 32);
}

/* strptime() reads the same fields, and the calendar knows the day. */
static void check_time(const char *text)
{
    struct tm parts = {0};
    struct tm known;
    char upper[64] = "";
    time_t seconds;

    if (!rfc3339_valid(text))
        return;
    FUZZ_CHECK(strlen(text) < sizeof upper);
    for (size_t i = 0; text[i]; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    FUZZ_CHECK(strptime(upper, "%Y-%m-%dT%H:%M:%S", &parts) != NULL);
    seconds = timegm(
        &(struct tm){.tm_year = parts.tm_year, .tm_mon = parts.tm_mon, .tm_mday = parts.tm_mday});
    gmtime_r(&seconds, &known);
    FUZZ_CHECK(known.tm_mday == parts.tm_mday && known.tm_mon == parts.tm_mon);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);

    check_cursor(text);
    check_uuid(text);
    check_time(text);
    free(text);
    return 0;
}
