#include "gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/store_session.h"
#include "worker.h"

struct credential {
    const char *token; /* NULL: none */
    size_t length;
    bool bearer;
};

bool gate_is_https(const struct request *request)
{
    const char *public_url = request->worker->conf->public_url;
    if (public_url != NULL)
        return strncasecmp(public_url, "https://", 8) == 0;
    const char *scheme = request_env(request, "REQUEST_SCHEME");
    return scheme != NULL && strcmp(scheme, "https") == 0;
}

const char *gate_cookie_name(const struct request *request)
{
    return gate_is_https(request) ? "__Host-perch_session" : "perch_session";
}

/* The value of our cookie in a Cookie header (RFC 6265: pairs separated by "; "). */
static const char *cookie_find(const char *header, const char *name, size_t *ret_length)
{
    size_t name_length = strlen(name);
    while (header != NULL && *header != '\0') {
        header += strspn(header, "; ");
        size_t length = strcspn(header, ";");
        if (length > name_length && strncmp(header, name, name_length) == 0 &&
            header[name_length] == '=') {
            *ret_length = length - name_length - 1;
            return header + name_length + 1;
        }
        header += length;
    }
    return NULL;
}

/* An Authorization header makes the cookie invisible. */
static struct credential credential_find(const struct request *request)
{
    struct credential found = {0};
    const char *authorization = request_env(request, "HTTP_AUTHORIZATION");
    if (authorization != NULL) {
        found.bearer = true;
        if (strncasecmp(authorization, "Bearer ", 7) == 0) {
            found.token = authorization + 7;
            found.length = strlen(found.token);
        }
        return found;
    }
    found.token =
        cookie_find(request_env(request, "HTTP_COOKIE"), gate_cookie_name(request), &found.length);
    return found;
}

static bool origin_is_ours(const struct request *request, const char *origin)
{
    const char *public_url = request->worker->conf->public_url;
    if (public_url != NULL) {
        size_t length = strlen(public_url);
        while (length > 0 && public_url[length - 1] == '/')
            length--;
        return strlen(origin) == length && strncasecmp(origin, public_url, length) == 0;
    }
    const char *scheme = request_env(request, "REQUEST_SCHEME");
    const char *host = request_env(request, "HTTP_HOST");
    if (scheme == NULL || host == NULL)
        return false;
    return strcasecmp(origin, arena_printf(request->arena, "%s://%s", scheme, host)) == 0;
}

/* Unsafe methods: whoever sends a cookie must prove to be our own page; and a browser that says it
 * is another site's is refused also without one (log-in from a foreign page). Bearer callers send
 * no ambient authority. */
static int csrf_check(const struct request *request, const struct credential *credential)
{
    if (request->method == METHOD_GET || credential->bearer)
        return 0;
    const char *site = request_env(request, "HTTP_SEC_FETCH_SITE");
    if (site != NULL)
        return strcmp(site, "same-origin") == 0 ? 0 : ERR_CSRF;
    const char *origin = request_env(request, "HTTP_ORIGIN");
    if (origin != NULL)
        return origin_is_ours(request, origin) ? 0 : ERR_CSRF;
    return credential->token != NULL ? ERR_CSRF : 0;
}

/* Asks PostgreSQL about a session the cache does not know. A page means that somebody is there, a
 * program only if it says so. */
static int session_ask(struct request *request)
{
    struct worker *worker = request->worker;
    bool present = !request->caller.bearer || request_param(request, "state") != NULL;
    bool alive = false;
    int err = store_session_check(worker->pg, request->caller.session_id, request->caller.user_id,
                                  present, &alive);
    if (err != 0)
        return err;
    if (!alive)
        return ERR_UNAUTHORIZED;
    notify_session_alive(worker, request->caller.user_id, request->caller.session_id);
    return 0;
}

static int session_judge(struct request *request, bool asked, const struct redis_value *cached)
{
    if (asked && cached->type == REDIS_TEXT) {
        if (strcmp(cached->text, SESSION_ENDED) == 0)
            return ERR_UNAUTHORIZED;
        if (strtoll(cached->text, NULL, 10) == request->caller.user_id)
            return 0;
    }
    return session_ask(request);
}

static int identify(struct request *request, const struct credential *credential)
{
    struct token_claims claims;
    if (credential->token == NULL)
        return ERR_UNAUTHORIZED;
    int err = token_verify(request->worker->keys, credential->token, credential->length,
                           clock_wall_s(), &claims);
    if (err == 0)
        request->caller = (struct caller){.user_id = claims.user_id,
                                          .session_id = claims.session_id,
                                          .bearer = credential->bearer};
    return err;
}

static int limited(struct response *response, const struct rate *rate)
{
    response->retry_after_s = rate->left_s;
    return ERR_RATE_LIMITED;
}

/* The throttle of the route's row; false where it has none. */
static bool rate_of_route(const struct request *request, struct rate *ret_rate)
{
    enum rate_class class = request->route->rate;
    char subject[RATE_ADDRESS_MAX];
    if (class == RATE_NONE)
        return false;
    if (class == RATE_SEND || class == RATE_COSTLY) {
        snprintf(subject, sizeof subject, "%" PRId64, request->caller.user_id);
    } else {
        const char *address = request_env(request, "REMOTE_ADDR");
        rate_address(address ? address : "", subject);
    }
    rate_init(ret_rate, request->worker->conf, class, subject, clock_wall_s());
    return true;
}

int gate_pass(struct request *request, struct response *response)
{
    struct worker *worker = request->worker;
    struct credential credential = credential_find(request);
    bool needs_session = request->route->caller == CALLER_SESSION;
    struct redis_value values[1 + RATE_COMMANDS] = {0};
    struct rate rate;
    int err = csrf_check(request, &credential);
    if (err == 0 && needs_session)
        err = identify(request, &credential);
    if (err != 0)
        return err;

    bool throttled = rate_of_route(request, &rate);
    if (needs_session) {
        char key[SESSION_KEY_MAX];
        session_key(worker, request->caller.session_id, key);
        redis_add(worker->redis, "GET", key, NULL);
    }
    if (throttled)
        rate_queue(&rate, worker->redis);
    bool asked =
        redis_exchange(worker->redis, values, needs_session + throttled * RATE_COMMANDS) == 0;
    /* The session first: a token whose session has ended must not use up what its owner may do. */
    if (needs_session)
        err = session_judge(request, asked, &values[0]);
    if (err == ERR_UNAUTHORIZED && throttled && asked)
        rate_give_back(&rate, worker->redis);
    if (err != 0 || !throttled)
        return err;
    err = rate_settle(&rate, asked ? &values[needs_session] : NULL, &worker->rates);
    return err != 0 ? limited(response, &rate) : 0;
}

int gate_account(struct request *request, struct response *response, const char *account)
{
    struct worker *worker = request->worker;
    struct rate rate;
    rate_init(&rate, worker->conf, RATE_ACCOUNT, account, clock_wall_s());
    int err = rate_take(&rate, worker->redis, &worker->rates);
    return err != 0 ? limited(response, &rate) : 0;
}
