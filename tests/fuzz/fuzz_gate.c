/* Who is calling: cookies, Authorization and the cross-site rule. Input: lines "NAME: value", the
 * names those of FastCGI parameters; $TOKEN in a value stands for a good token.
 *
 * Neither Redis nor PostgreSQL answers, so nobody may pass. But who the caller says to be is known
 * by then, and that must stand in the header that counts, in the form RFC 6265 or 6750 gives it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/err.h"
#include "fcgi-app/gate.h"

static const char *good_token(void)
{
    const struct token_claims claims = {
        .user_id = 42, .session_id = 7, .issued_at = 1, .expires_at = INT64_C(1) << 40};
    static char *token;

    if (!token)
        FUZZ_CHECK(token_sign(fuzz_keys(), &claims, &token) == 0);
    return token;
}

static void add_param(struct fuzz_request *fuzz, char *line)
{
    static const char placeholder[] = "$TOKEN";
    struct buf value = {0};
    char *text = strstr(line, ": ");
    const char *place;

    if (!text || text == line)
        return;
    *text = '\0';
    text += 2;
    while ((place = strstr(text, placeholder))) {
        buf_add(&value, text, (size_t)(place - text));
        buf_adds(&value, good_token());
        text += place - text + (ptrdiff_t)strlen(placeholder);
    }
    buf_adds(&value, text);
    fuzz_request_param(fuzz, line, value.data);
    buf_release(&value);
}

/* Is there a pair of this name and the good token between the semicolons? */
static bool cookie_has(const char *header, const char *name)
{
    char *copy = fuzz_text(header, strlen(header));
    char *rest = copy;
    bool found = false;

    for (char *pair; (pair = strsep(&rest, ";"));) {
        char *value;

        pair += strspn(pair, " ");
        value = strchr(pair, '=');
        if (!value)
            continue;
        *value = '\0';
        found = found || (strcmp(pair, name) == 0 && strcmp(value + 1, good_token()) == 0);
    }
    free(copy);
    return found;
}

static void check_caller(const struct request *request)
{
    const char *authorization = request_env(request, "HTTP_AUTHORIZATION");
    const char *cookie = request_env(request, "HTTP_COOKIE");

    if (request->caller.user_id == 0)
        return;
    FUZZ_CHECK(request->caller.user_id == 42 && request->caller.session_id == 7);
    FUZZ_CHECK(request->caller.bearer == (authorization != NULL));
    if (authorization)
        FUZZ_CHECK(strncasecmp(authorization, "Bearer ", 7) == 0 &&
                   strcmp(authorization + 7, good_token()) == 0);
    else
        FUZZ_CHECK(cookie && cookie_has(cookie, gate_cookie_name(request)));
}

/* A cookie alone may change nothing. */
static void check_cross_site(const struct request *request, int err)
{
    const char *site = request_env(request, "HTTP_SEC_FETCH_SITE");

    if (request->method == METHOD_GET || err == ERR_CSRF || request->caller.bearer ||
        request->caller.user_id == 0)
        return;
    FUZZ_CHECK(site ? strcmp(site, "same-origin") == 0
                    : request_env(request, "HTTP_ORIGIN") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct route route = {.caller = CALLER_SESSION, .rate = RATE_NONE};
    struct fuzz_request fuzz;
    char *text = fuzz_text(data, size);
    char *rest = text;
    int err;

    fuzz_request_begin(&fuzz);
    for (char *line; fuzz.param_count < FUZZ_PARAMS_MAX && (line = strsep(&rest, "\n"));)
        add_param(&fuzz, line);
    fuzz_request_open(&fuzz);
    fuzz.request.route = &route;
    err = gate_pass(&fuzz.request, &fuzz.response);
    FUZZ_CHECK(err == ERR_CSRF || err == ERR_UNAUTHORIZED || err == ERR_UNAVAILABLE);
    FUZZ_CHECK((err == ERR_UNAVAILABLE) == (fuzz.request.caller.user_id != 0));
    check_caller(&fuzz.request);
    check_cross_site(&fuzz.request, err);
    fuzz_request_end(&fuzz);
    free(text);
    return 0;
}
