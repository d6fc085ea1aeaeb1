#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"

/* More than there is anywhere. Both are hidden from the compiler, which would leave out what is not
 * looked at. */
static volatile size_t too_much = PTRDIFF_MAX;
static void *volatile got;

static void want_by_malloc(void)
{
    got = malloc(too_much);
}

static void want_by_calloc(void)
{
    got = calloc(too_much, 2);
}

static void want_by_realloc(void)
{
    got = realloc(malloc(1), too_much);
}

static void want_by_memory_new(void)
{
    got = memory_new(too_much);
}

/* Not even to see NULL is what keeps libraries from going on with it. */
static void who_wants_more_than_there_is_never_comes_back(void **state)
{
    static void (*const ways[])(void) = {want_by_malloc, want_by_calloc, want_by_realloc,
                                         want_by_memory_new};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        int status = 0;
        pid_t child;

        unit_stderr_begin();
        child = fork();
        if (child == 0) {
            ways[i]();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        /* A sanitizer has words and an exit status of its own. */
        assert_true(strlen(unit_stderr_end()) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    }
}

static void new_memory_is_zeroed(void **state)
{
    static const char zeros[1000];
    char *memory = memory_new(sizeof(zeros));

    (void)state;
    assert_memory_equal(memory, zeros, sizeof(zeros));
    free(memory);
}

static void nothing_is_not_out_of_memory(void **state)
{
    (void)state;
    free(malloc(0));
    free(calloc(0, 8));
    free(memory_new(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wants_more_than_there_is_never_comes_back),
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(nothing_is_not_out_of_memory),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
