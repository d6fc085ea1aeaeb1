#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

enum { LOG_LINE_MAX = 1024, LOG_REQUEST_MAX = 64 };

static struct {
    const char *name;
    enum log_level level;
    char request[LOG_REQUEST_MAX + 1];
} log_state = {.name = "perch", .level = LOG_LEVEL_INFO};

static const char *const log_level_names[] = {"error", "warn", "info", "debug"};

void log_open(const char *name, enum log_level level)
{
    log_state.name = name;
    log_state.level = level;
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(log_level_names) / sizeof(log_level_names[0]); i++) {
        if (strcmp(text, log_level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return ERR_CONFIG;
}

void log_request(const char *request_id)
{
    snprintf(log_state.request, sizeof(log_state.request), "%s", request_id ? request_id : "");
}

/* Controls become '?', C1 controls (U+0080 to U+009F, two bytes in UTF-8) too: terminals obey them.
 */
static void log_text_clean(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        unsigned char next = i + 1 < length ? (unsigned char)text[i + 1] : 0;

        if (byte < 0x20 || byte == 0x7f)
            text[i] = '?';
        else if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
            text[i] = text[i + 1] = '?';
    }
}

/* What snprintf() really wrote of `wanted` bytes into `room`, its NUL not counted. */
static size_t log_written(int wanted, size_t room)
{
    if (wanted < 0)
        return 0;
    return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static bool log_year_is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* "2026-11-21T04:20:42" in UTC. By hand, because gmtime_r() and strftime() look for the time zone,
 * which wants memory and takes a lock: a line about the lack of memory would wait for itself. */
static void log_second_format(char *text, size_t size, time_t second)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int day = (int)(second / 86400);
    int rest = (int)(second % 86400);
    int year = 1970;
    int month = 0;

    for (; day >= 365 + log_year_is_leap(year); year++)
        day -= 365 + log_year_is_leap(year);
    for (; day >= days[month] + (month == 1 && log_year_is_leap(year)); month++)
        day -= days[month] + (month == 1 && log_year_is_leap(year));
    snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d", year, month + 1, day + 1, rest / 3600,
             rest / 60 % 60, rest % 60);
}

/* Returns the length of what it put at the beginning of the line. */
static size_t log_head_format(char *line, size_t size, enum log_level level)
{
    struct timespec now;
    char second[64];
    int wanted;

    clock_gettime(CLOCK_REALTIME, &now);
    log_second_format(second, sizeof(second), now.tv_sec);
    wanted = snprintf(line, size, "%s.%03ldZ %s %s[%d] %s%s%s", second, now.tv_nsec / 1000000,
                      log_level_names[level], log_state.name, (int)getpid(),
                      log_state.request[0] ? "req=" : "", log_state.request,
                      log_state.request[0] ? " " : "");
    return log_written(wanted, size);
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    int saved_errno = errno;
    size_t length;
    va_list arguments;

    if (level > log_state.level)
        return;
    length = log_head_format(line, sizeof(line), level);
    va_start(arguments, format);
    length += log_written(vsnprintf(line + length, sizeof(line) - length, format, arguments),
                          sizeof(line) - length);
    va_end(arguments);
    log_text_clean(line, length);
    line[length] = '\n'; /* in place of the NUL: log_written() leaves room for it */

    while (write(STDERR_FILENO, line, length + 1) < 0 && errno == EINTR)
        ;
    errno = saved_errno;
}
