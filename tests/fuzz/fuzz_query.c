/* Query strings: what request_parse_query() takes has few, different names of valid UTF-8, and
 * means the same when it is written down again. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/utf8.h"

static void add_escaped(struct buf *query, const char *text)
{
    for (; *text; text++)
        buf_addf(query, "%%%02X", (unsigned)(unsigned char)*text);
}

static void check_numbers(const struct request *request, const char *name)
{
    const char *value = request_param(request, name);
    char digits[32];
    int64_t number = -1;

    if (request_param_int(request, name, 0, 100, 50, &number) == 0)
        FUZZ_CHECK(number >= 0 && number <= 100 && strtoll(value, NULL, 10) == number);
    else
        FUZZ_CHECK(number == -1);
    number = -1;
    if (id_parse(value, &number) == 0) {
        snprintf(digits, sizeof digits, "%lld", (long long)number);
        FUZZ_CHECK(number > 0 && number <= STORE_ID_MAX && strcmp(digits, value) == 0);
    } else {
        FUZZ_CHECK(number == -1);
    }
}

static void check_params(const struct request *request, struct buf *query)
{
    FUZZ_CHECK(request->param_count <= REQUEST_PARAMS_MAX);
    for (int i = 0; i < request->param_count; i++) {
        const char *name = request->params[i].name;
        const char *value = request->params[i].value;

        FUZZ_CHECK(utf8_valid(name, strlen(name)) && utf8_valid(value, strlen(value)));
        FUZZ_CHECK(request_param(request, name) == value); /* the first of this name, so the only */
        check_numbers(request, name);
        add_escaped(query, name);
        buf_adds(query, "=");
        add_escaped(query, value);
        buf_adds(query, "&");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_request fuzz;
    struct fuzz_request again;
    struct buf query = {0};
    char *text = fuzz_text(data, size);
    int err;

    fuzz_request_begin(&fuzz);
    fuzz_request_param(&fuzz, "QUERY_STRING", text);
    fuzz_request_open(&fuzz);
    err = request_parse_query(&fuzz.request);
    FUZZ_CHECK(err == 0 || err == ERR_BAD_PARAMETER);
    if (err == 0) {
        buf_adds(&query, "");
        check_params(&fuzz.request, &query);
        fuzz_request_begin(&again);
        fuzz_request_param(&again, "QUERY_STRING", query.data);
        fuzz_request_open(&again);
        FUZZ_CHECK(request_parse_query(&again.request) == 0);
        FUZZ_CHECK(again.request.param_count == fuzz.request.param_count);
        for (int i = 0; i < fuzz.request.param_count; i++) {
            FUZZ_CHECK(!strcmp(again.request.params[i].name, fuzz.request.params[i].name));
            FUZZ_CHECK(!strcmp(again.request.params[i].value, fuzz.request.params[i].value));
        }
        request_release(&again.request);
        response_release(&again.response);
        free(again.params[0]);
    }
    fuzz_request_end(&fuzz);
    buf_release(&query);
    free(text);
    return 0;
}
