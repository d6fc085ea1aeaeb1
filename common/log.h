/* One line per event on standard error, in one write(2), so lines of several processes never mix.
 *
 *   2026-11-21T04:20:42.123Z info worker[4711] req=3f2a... text
 *
 * Control characters and newlines in the text are replaced by '?', so input cannot forge a line.
 * Lines are cut at 1,024 bytes. Nothing here allocates, fails or blocks beyond write(2) itself.
 * This module holds the only mutable global state of the programs besides the configuration. */
#ifndef PERCH_LOG_H
#define PERCH_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Names the process in every later line ("master", "worker", "hub"); `name` must outlive the
 * process. */
void log_open(const char *name, enum log_level level);

/* "error", "warn", "info" or "debug" -> ret_level; anything else is ERR_CONFIG. */
int log_level_parse(const char *text, enum log_level *ret_level)
    __attribute__((warn_unused_result));

/* Adds "req=<id>" to the lines until the next call; NULL ends it. The text is copied (at most 64
 * bytes). */
void log_request(const char *request_id);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
