/* Polls of both kinds of server: Perch's, whose cursor is in the reply, and nchan's, whose cursor
 * is two headers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

/* As long as a server lets a poll wait: none returns by itself while it is measured. */
static const char perch_path[] = "/api/v1/events?cursor=%s&wait=50&tab=t1";

bool load_poll_ask(struct load_poll *poll, const struct load_options *options, int epoll)
{
    char path[LOAD_CURSOR_MAX + sizeof perch_path];
    const char *headers = "";

    if (poll->http.closing) {
        load_http_close(&poll->http);
        load_http_open(&poll->http, options, epoll, poll);
    }
    if (options->server == LOAD_NCHAN) {
        snprintf(path, sizeof path, "/sub/%lld", (long long)poll->user->id);
        headers = poll->cursor;
    } else if (poll->cursor[0] != '\0') {
        snprintf(path, sizeof path, perch_path, poll->cursor);
    } else {
        snprintf(path, sizeof path, "/api/v1/events");
    }
    return load_http_request(&poll->http, poll->user, path, headers, NULL);
}

/* The next poll asks with what this reply was marked with. */
static bool nchan_take(struct load_poll *poll)
{
    static const char modified_name[] = "\r\nLast-Modified: ", etag_name[] = "\r\nEtag: ";
    const char *modified = strcasestr(poll->http.in, modified_name);
    const char *etag = strcasestr(poll->http.in, etag_name);
    int length;

    if (poll->http.status != 200 || !modified || !etag)
        return false;
    modified += sizeof modified_name - 1;
    etag += sizeof etag_name - 1;
    length = snprintf(poll->cursor, sizeof poll->cursor,
                      "If-Modified-Since: %.*s\r\nIf-None-Match: %.*s\r\n",
                      (int)strcspn(modified, "\r"), modified, (int)strcspn(etag, "\r"), etag);
    return length < (int)sizeof poll->cursor;
}

bool load_poll_take(struct load_poll *poll, const struct load_options *options, long *ret_after_ms)
{
    const char *from, *cursor, *after;
    size_t length;

    if (options->server == LOAD_NCHAN)
        return nchan_take(poll);
    from = load_json_find(poll->http.body, "from");
    cursor = load_json_find(poll->http.body, "cursor");
    after = load_json_find(poll->http.body, "after_ms");
    length = cursor ? strcspn(cursor, "\"") : 0;
    if (poll->http.status != 200 || length == 0 || length >= sizeof poll->cursor ||
        (poll->cursor[0] != '\0' &&
         (!from || strncmp(from, poll->cursor, strlen(poll->cursor)) != 0)))
        return false;
    memcpy(poll->cursor, cursor, length);
    poll->cursor[length] = '\0';
    *ret_after_ms = after ? strtol(after, NULL, 10) : 0;
    return true;
}

void load_input_await(void (*handle)(void *argument, int timeout_ms), void *argument)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, found;
    int outer = epoll_create1(EPOLL_CLOEXEC);
    char line[64];

    printf("waiting\n");
    fflush(stdout);
    if (outer < 0 || epoll_ctl(outer, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        return; /* a file: go on at once */
    while (epoll_wait(outer, &found, 1, 0) == 0)
        handle(argument, 20);
    if (read(STDIN_FILENO, line, sizeof line) < 0)
        load_die("the input cannot be read");
    close(outer);
}
