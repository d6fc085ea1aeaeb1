#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arena.h"

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    struct arena arena;
    char *pieces[500];

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_equal((unsigned char)pieces[i][j], i % 251);
    }
    arena_release(&arena);
}

static void piece_larger_than_a_block_fits(void **state)
{
    struct arena arena;
    const size_t size = 1024 * 1024;

    (void)state;
    arena_init(&arena);
    arena_alloc(&arena, 10);
    memset(arena_alloc(&arena, size), 1, size);
    arena_release(&arena);
}

static void reset_reuses_the_first_block(void **state)
{
    struct arena arena;
    void *before, *after;

    (void)state;
    arena_init(&arena);
    before = arena_alloc(&arena, 100);
    arena_alloc(&arena, 100000);
    arena_reset(&arena);
    after = arena_alloc(&arena, 100);
    assert_ptr_equal(before, after);
    arena_release(&arena);
}

static void release_can_be_followed_by_use(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    arena_release(&arena);
    arena_reset(&arena);
    assert_string_equal(arena_copy(&arena, "again", 5), "again");
    arena_release(&arena);
}

static void copies_end_with_nul(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(arena_copy(&arena, "perching", 5), "perch");
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    assert_int_equal(strlen(arena_printf(&arena, "%*s", 40000, "")), 40000);
    arena_release(&arena);
}

static void no_memory_ends_the_process(void **state)
{
    pid_t child = fork();
    int status = 0;

    (void)state;
    if (child == 0) {
        struct arena arena;
        volatile size_t size = SIZE_MAX - 64;

        close(STDERR_FILENO);
        arena_init(&arena);
        arena_alloc(&arena, size);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0); /* sanitizers have their own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(piece_larger_than_a_block_fits),
        cmocka_unit_test(reset_reuses_the_first_block),
        cmocka_unit_test(release_can_be_followed_by_use),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(no_memory_ends_the_process),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
