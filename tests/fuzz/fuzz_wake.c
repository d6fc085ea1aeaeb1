/* Wake-ups as Redis hands them over: what is understood is written down and understood again as the
 * same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/wake.h"

static bool wakes_equal(const struct wake *one, const struct wake *other)
{
    return one->kind == other->kind && one->session_id == other->session_id &&
           one->at.seq == other->at.seq && strcmp(one->at.epoch, other->at.epoch) == 0 &&
           (one->json == NULL) == (other->json == NULL) &&
           (one->json == NULL || strcmp(one->json, other->json) == 0);
}

static void check(const struct wake *wake)
{
    struct buf text = {0};
    struct wake again;

    if (wake->kind == WAKE_EVENT) {
        FUZZ_CHECK(wake->at.seq > 0 && strlen(wake->at.epoch) <= CURSOR_EPOCH_MAX);
        wake_format_event(&text, wake->at.epoch, wake->at.seq, wake->json);
    } else if (wake->kind == WAKE_PASSING) {
        wake_format_passing(&text, wake->json);
    } else if (wake->kind == WAKE_SESSION_END) {
        FUZZ_CHECK(wake->session_id > 0);
        wake_format_session_end(&text, wake->session_id);
    } else {
        /* Written by a script in Redis only. */
        FUZZ_CHECK(wake->kind == WAKE_PRESENCE && wake->presence.user_id > 0);
        FUZZ_CHECK(wake->presence.seen_ms > 0 && strchr("0ia", wake->presence.state) != NULL);
        return;
    }
    FUZZ_CHECK(text.length > 0 && wake_parse(text.data, &again) == 0);
    FUZZ_CHECK(wakes_equal(wake, &again));
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct wake wake = {.json = "untouched"};
    int err = wake_parse(text, &wake);

    FUZZ_CHECK(err == 0 || (err == ERR_BAD_REQUEST && strcmp(wake.json, "untouched") == 0));
    if (err == 0)
        check(&wake);
    free(text);
    return 0;
}
