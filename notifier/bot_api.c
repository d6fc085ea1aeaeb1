#include "bot_api.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret_file.h"

/* Telegram closes idle connections, and whatever is sent into one that is closing has an unknown
 * end; so none is used that has rested for long. */
enum { KEEP_IDLE_S = 30 };

struct bot_api {
    struct event_base *base;
    CURLM *multi;
    CURL *pattern; /* what all calls have in common */
    struct curl_slist *headers;
    struct event timer; /* libcurl's */
    char *url;
    char token[BOT_TOKEN_MAX + 1];
    LIST_HEAD(, bot_call) calls;
};

struct bot_call {
    struct bot_api *api;
    LIST_ENTRY(bot_call) of_api;
    CURL *easy;
    struct buf body; /* of the answer */
    bool sent;
    bot_api_done *done;
    void *argument;
    char error[CURL_ERROR_SIZE];
};

/* The part that nobody may know: behind the bot's id. */
static const char *token_secret(const struct bot_api *api)
{
    return strchr(api->token, ':') + 1;
}

static void call_free(struct bot_call *call)
{
    LIST_REMOVE(call, of_api);
    curl_multi_remove_handle(call->api->multi, call->easy);
    curl_easy_cleanup(call->easy);
    buf_release(&call->body);
    free(call);
}

static void call_finish(struct bot_call *call, CURLcode code)
{
    struct bot_reply reply = {.sent = call->sent};
    long status = 0;
    if (code == CURLE_OK) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        bot_reply_read(&reply, (int)status, call->body.length > 0 ? call->body.data : "",
                       call->body.length);
    } else if (code == CURLE_ABORTED_BY_CALLBACK) { /* by on_request() */
        reply.description = "the connection ended without an answer";
    } else {
        reply.description = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
    }
    if (strstr(reply.description, token_secret(call->api)) != NULL)
        reply.description = "(not shown: the token is in it)";
    call->done(call->argument, &reply);
    bot_reply_release(&reply);
    call_free(call);
}

static void reap(struct bot_api *api)
{
    CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(api->multi, &left)) != NULL) {
        char *call = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        call_finish((void *)call, code);
    }
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct bot_api *api = argument;
    int running = 0;
    curl_multi_socket_action(api->multi, fd,
                             (what & EV_READ ? CURL_CSELECT_IN : 0) |
                                 (what & EV_WRITE ? CURL_CSELECT_OUT : 0),
                             &running);
    reap(api);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct bot_api *api = argument;
    int running = 0;
    (void)fd;
    (void)what;
    curl_multi_socket_action(api->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(api);
}

/* libcurl wants another timer, or none. */
static int timer_set(CURLM *multi, long timeout_ms, void *argument)
{
    struct bot_api *api = argument;
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = timeout_ms % 1000 * 1000};
    (void)multi;
    if (timeout_ms < 0)
        event_del(&api->timer);
    else
        event_add(&api->timer, &timeout);
    return 0;
}

/* libcurl wants to know other things about a socket, or nothing any more. */
static int socket_set(CURL *easy, curl_socket_t fd, int what, void *argument, void *watched)
{
    struct bot_api *api = argument;
    struct event *event = watched;
    (void)easy;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        short wanted =
            (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
        event = event_new(api->base, fd, (short)(wanted | EV_PERSIST), on_ready, api);
        event_add(event, NULL);
    }
    curl_multi_assign(api->multi, fd, event);
    return 0;
}

/* The connection stands and the request is about to be written. A second time means that libcurl
 * would repeat it on another connection. */
static int on_request(void *argument, char *peer, char *local, int peer_port, int local_port)
{
    struct bot_call *call = argument;
    (void)peer;
    (void)local;
    (void)peer_port;
    (void)local_port;
    if (call->sent)
        return CURL_PREREQFUNC_ABORT;
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *argument)
{
    struct bot_call *call = argument;
    size_t length = size * count;
    if (length > BOT_REPLY_MAX - call->body.length)
        return 0; /* ends the call */
    buf_add(&call->body, bytes, length);
    return length;
}

void bot_api_secret(const struct bot_api *api, const char *purpose,
                    char ret_secret[BOT_API_SECRET_MAX])
{
    crypto_auth_hmacsha256_state state;
    unsigned char secret[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)api->token, strlen(api->token));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
    crypto_auth_hmacsha256_final(&state, secret);
    sodium_bin2base64(ret_secret, BOT_API_SECRET_MAX, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

struct bot_call *bot_api_call(struct bot_api *api, const char *method, const char *body,
                              int timeout_ms, bot_api_done *done, void *argument)
{
    struct bot_call *call = memory_new(sizeof *call);
    struct buf url = {0};
    call->api = api;
    call->done = done;
    call->argument = argument;
    call->easy = curl_easy_duphandle(api->pattern);
    if (call->easy == NULL)
        memory_out("a call of the Bot API");
    buf_addf(&url, "%s/bot%s/%s", api->url, api->token, method);
    if (curl_easy_setopt(call->easy, CURLOPT_URL, url.data) != CURLE_OK ||
        curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, body) != CURLE_OK)
        memory_out("a call of the Bot API");
    sodium_memzero(url.data, url.length);
    buf_release(&url);
    curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
    LIST_INSERT_HEAD(&api->calls, call, of_api);
    /* Only sets the timer: all else happens in the loop. */
    if (curl_multi_add_handle(api->multi, call->easy) != CURLM_OK)
        abort();
    return call;
}

void bot_call_cancel(struct bot_call *call)
{
    call_free(call);
}

/* "localhost", 127.0.0.0/8 or ::1, as libcurl writes the host of a URL. */
static bool host_is_loopback(const char *host)
{
    struct in_addr address;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* Nothing but scheme, host, port and path, and a scheme that may be used. */
static bool url_is_good(const char *text, bool insecure)
{
    static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                         CURLUPART_FRAGMENT};
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *part = NULL;
    bool good = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    for (size_t i = 0; good && i < sizeof unwanted / sizeof unwanted[0]; i++) {
        good = curl_url_get(url, unwanted[i], &part, 0) != CURLUE_OK;
        curl_free(part);
        part = NULL;
    }
    if (good && strcmp(scheme, "https") != 0)
        good = strcmp(scheme, "http") == 0 && (insecure || host_is_loopback(host));
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return good;
}

static int url_read(struct bot_api *api, const struct bot_api_options *options)
{
    size_t length = strlen(options->url);
    if (!url_is_good(options->url, options->insecure)) {
        log_error("PERCH_TELEGRAM_API: use https://host, with a port or path if need be; http:// "
                  "only for this host, or with PERCH_TELEGRAM_API_INSECURE=1");
        return ERR_CONFIG;
    }
    while (options->url[length - 1] == '/')
        length--;
    api->url = memory_new(length + 1);
    memcpy(api->url, options->url, length);
    return 0;
}

static int token_read(struct bot_api *api, const char *path)
{
    static const char digits[] = "0123456789";
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char text[BOT_TOKEN_MAX + 16];
    int err = secret_file_read("PERCH_TELEGRAM_TOKEN_FILE", path, text, sizeof text);
    if (err != 0)
        goto out;
    size_t id = strspn(text, digits);
    size_t secret = text[id] == ':' ? strspn(text + id + 1, letters) : 0;
    size_t length = secret > 0 ? id + 1 + secret : 0;
    if (id == 0 || secret == 0 || length > BOT_TOKEN_MAX ||
        text[length + strspn(text + length, " \t\r\n")] != '\0') {
        log_error("PERCH_TELEGRAM_TOKEN_FILE %s: wants a token as @BotFather gives it, and nothing "
                  "else",
                  path);
        err = ERR_CONFIG;
        goto out;
    }
    memcpy(api->token, text, length);
out:
    sodium_memzero(text, sizeof text);
    return err;
}

/* What all calls have in common. No option may be missing. */
static bool pattern_set(struct bot_api *api)
{
    static const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_CONNECTTIMEOUT_MS, BOT_API_CONNECT_MS},
        {CURLOPT_MAXAGE_CONN, KEEP_IDLE_S},
        {CURLOPT_QUICK_EXIT, 1}, /* the end of a call must not wait for its name to be found */
    };
    CURL *easy = api->pattern;
    const char *protocol = strncasecmp(api->url, "https:", 6) == 0 ? "https" : "http";
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (curl_easy_setopt(easy, numbers[i].option, numbers[i].value) != CURLE_OK)
            return false;
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocol) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, api->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
}

/* Who may vouch for the server: those of this file and nobody else. It is read anew for each
 * connection, but that it cannot be read is said at once. */
static int ca_file_set(struct bot_api *api, const char *path)
{
    if (path == NULL)
        return 0;
    if (access(path, R_OK) != 0) {
        log_error("PERCH_TELEGRAM_CA_FILE %s: %s", path, strerror(errno));
        return ERR_CONFIG;
    }
    bool set = curl_easy_setopt(api->pattern, CURLOPT_CAINFO, path) == CURLE_OK &&
               curl_easy_setopt(api->pattern, CURLOPT_CAPATH, NULL) == CURLE_OK;
    return set ? 0 : ERR_CONFIG;
}

static bool multi_set(struct bot_api *api)
{
    return curl_multi_setopt(api->multi, CURLMOPT_SOCKETFUNCTION, socket_set) == CURLM_OK &&
           curl_multi_setopt(api->multi, CURLMOPT_SOCKETDATA, api) == CURLM_OK &&
           curl_multi_setopt(api->multi, CURLMOPT_TIMERFUNCTION, timer_set) == CURLM_OK &&
           curl_multi_setopt(api->multi, CURLMOPT_TIMERDATA, api) == CURLM_OK;
}

int bot_api_new(struct event_base *base, const struct bot_api_options *options,
                struct bot_api **ret_api)
{
    struct bot_api *api = memory_new(sizeof *api);
    int err;
    api->base = base;
    LIST_INIT(&api->calls);
    event_assign(&api->timer, base, -1, 0, on_timer, api);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    api->multi = curl_multi_init();
    api->pattern = curl_easy_init();
    api->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (api->multi == NULL || api->pattern == NULL || api->headers == NULL)
        memory_out("the client of the Bot API");
    if ((err = url_read(api, options)) != 0 || (err = token_read(api, options->token_file)) != 0)
        goto out;
    if (!pattern_set(api) || !multi_set(api)) {
        log_error("this libcurl cannot do what the Bot API needs: 7.87 or later, with TLS");
        err = ERR_CONFIG;
        goto out;
    }
    if ((err = ca_file_set(api, options->ca_file)) != 0)
        goto out;
    *ret_api = api;
    api = NULL;
out:
    bot_api_free(api);
    return err;
}

void bot_api_free(struct bot_api *api)
{
    if (api == NULL)
        return;
    while (!LIST_EMPTY(&api->calls))
        call_free(LIST_FIRST(&api->calls));
    curl_easy_cleanup(api->pattern);
    curl_multi_cleanup(api->multi); /* closes connections, and says so to socket_set() */
    curl_slist_free_all(api->headers);
    curl_global_cleanup();
    event_del(&api->timer);
    sodium_memzero(api->token, sizeof api->token);
    free(api->url);
    free(api);
}
