/* Paths: a route that is found is the one its pattern spells with that id, and of each path all
 * methods agree about what is allowed. */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/store_user.h"
#include "fcgi-app/router.h"

/* The pattern with the id in place of its braces. */
static void check_spelling(const struct route *route, int64_t id, const char *path)
{
    const char *open = strchr(route->path, '{');
    char spelled[256];

    if (open) {
        FUZZ_CHECK(id > 0 && id <= STORE_ID_MAX);
        snprintf(spelled, sizeof spelled, "%.*s%" PRId64 "%s", (int)(open - route->path),
                 route->path, id, strchr(open, '}') + 1);
    } else {
        FUZZ_CHECK(id == 0);
        snprintf(spelled, sizeof spelled, "%s", route->path);
    }
    FUZZ_CHECK(strcmp(spelled, path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = fuzz_text(data, size);
    unsigned found = 0;
    unsigned allowed[METHOD_OTHER + 1] = {0};

    for (int method = 0; method <= METHOD_OTHER; method++) {
        const struct route *route = NULL;
        int64_t id = -1;
        int err = router_find((enum method)method, path, &route, &id, &allowed[method]);

        FUZZ_CHECK(err == 0 || err == ERR_NOT_FOUND || err == ERR_METHOD_NOT_ALLOWED);
        FUZZ_CHECK((err == 0) == (route != NULL));
        FUZZ_CHECK((err == ERR_METHOD_NOT_ALLOWED) == (allowed[method] != 0));
        if (err == 0) {
            FUZZ_CHECK(method < METHOD_OTHER && route->method == (enum method)method);
            check_spelling(route, id, path);
            found |= 1U << method;
        }
    }
    for (int method = 0; method <= METHOD_OTHER; method++)
        FUZZ_CHECK((found >> method & 1U) || allowed[method] == found);
    free(path);
    return 0;
}
