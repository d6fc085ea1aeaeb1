#include "master.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "handoff.h"
#include "hub.h"
#include "listen.h"
#include "worker.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 10000, END_PATIENCE_MS = 10000 };

enum role { ROLE_HUB, ROLE_AUTH, ROLE_WORKER };

static const char *const role_names[] = {"hub", "auth", "worker"};

/* A place for one child; there is always one in it, but for backoff and the end. */
struct slot {
    enum role role;
    int index;
    pid_t pid; /* 0: empty */
    bool ready;
    bool given_up;      /* exited with CHILD_EXIT_FATAL */
    int failures;       /* in a row, before it was ever ready */
    int64_t not_before; /* monotonic */
};

/* Shutting down only gets stronger. */
enum stage { RUNNING, ENDING_WORKERS, ENDING_HUBS };

struct master {
    const struct conf *conf;
    struct token_keys *keys;
    struct redis_address redis_address;
    struct identity identity;
    int app_fd;
    int auth_fd;
    int ready_pipe[2];
    int (*hub_pairs)[2]; /* [0] the workers' end, [1] the hub's */
    int *hub_fds;        /* the workers' ends again, as children want them */
    struct slot *slots;
    int slot_count;
    enum stage stage;
    int64_t kill_at;
    int exit_code;
};

static volatile sig_atomic_t got_term;
static volatile sig_atomic_t got_hup;

static void on_signal(int signal)
{
    if (signal == SIGHUP)
        got_hup = 1;
    else if (signal != SIGCHLD)
        got_term = 1;
}

/* All but the wait in master_wait() is undisturbed by signals; ret_mask is what holds during that
 * wait. */
static void signals_init(sigset_t *ret_mask)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++) {
        sigaction(handled[i], &action, NULL);
        sigaddset(&blocked, handled[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, ret_mask);
}

static void slots_init(struct master *master, int auth_workers)
{
    const int counts[] = {master->conf->hubs, auth_workers, master->conf->workers};
    struct slot *slot = memory_new((size_t)(counts[0] + counts[1] + counts[2]) * sizeof *slot);
    master->slots = slot;
    for (int role = ROLE_HUB; role <= ROLE_WORKER; role++)
        for (int i = 0; i < counts[role]; i++, slot++)
            *slot = (struct slot){.role = (enum role)role, .index = i};
    master->slot_count = (int)(slot - master->slots);
}

/* Every waiting poll is a descriptor of its hub. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int hubs_init(struct master *master)
{
    size_t count = (size_t)master->conf->hubs;
    int err = 0;
    master->hub_pairs = memory_new(count * sizeof *master->hub_pairs);
    master->hub_fds = memory_new(count * sizeof *master->hub_fds);
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = handoff_pair(master->hub_pairs[i]);
        master->hub_fds[i] = master->hub_pairs[i][0];
    }
    return err;
}

static int master_init(struct master *master, const struct conf *conf)
{
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    *master = (struct master){.conf = conf, .app_fd = -1, .auth_fd = -1};
    raise_descriptor_limit();
    int err = redis_address_parse(conf->redis_url, &master->redis_address);
    if (err == 0)
        err = child_identity_find(conf, &master->identity);
    if (err == 0)
        err = token_keys_load(conf->jwt_keys_file, &master->keys);
    if (err == 0)
        err =
            listen_open("PERCH_APP_SOCKET", conf->app_socket, conf->socket_group, &master->app_fd);
    if (err == 0)
        err = listen_open("PERCH_AUTH_SOCKET", conf->auth_socket, conf->socket_group,
                          &master->auth_fd);
    if (err == 0)
        err = hubs_init(master);
    if (err == 0 && pipe2(master->ready_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        err = ERR_INTERNAL;
    if (err == 0)
        slots_init(master, conf->auth_workers > 0 ? conf->auth_workers : cores > 3 ? cores / 2 : 1);
    return err;
}

static void master_release(struct master *master)
{
    token_keys_free(master->keys);
    free(master->slots);
    free(master->hub_pairs);
    free(master->hub_fds);
}

/* In the child: keep only what this role may know, become who it may be, serve. */
static _Noreturn void child_run(const struct master *master, const struct slot *slot, pid_t parent,
                                const sigset_t *mask)
{
    const struct child child = {
        .conf = master->conf,
        .keys = slot->role == ROLE_HUB ? NULL : master->keys,
        .redis_address = master->redis_address,
        .ready_fd = master->ready_pipe[1],
        .hub_count = master->conf->hubs,
        .hub_fds = master->hub_fds,
    };
    const struct sigaction initial = {.sa_handler = SIG_DFL};
    enum log_level level = LOG_LEVEL_INFO;
    int code = CHILD_EXIT_FATAL;
    sigaction(SIGCHLD, &initial, NULL);
    if (log_level_parse(master->conf->log_level, &level) == 0)
        log_open(role_names[slot->role], level);
    setproctitle("%s %d", role_names[slot->role], slot->index);
    close(master->ready_pipe[0]);
    if (slot->role == ROLE_HUB) {
        token_keys_free(master->keys);
        close(master->app_fd);
        close(master->auth_fd);
    }
    if (child_identity_assume(&master->identity) != 0)
        _exit(CHILD_EXIT_FATAL);
    /* Without a master nobody would replace or end this process. After the change of user, which
     * resets it. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(0);
    if (slot->role == ROLE_HUB) {
        code = hub_main(&child, master->hub_pairs[slot->index][1], mask);
    } else {
        bool auth = slot->role == ROLE_AUTH;
        code = worker_main(&child, auth ? POOL_AUTH : POOL_APP,
                           auth ? master->auth_fd : master->app_fd, mask);
    }
    exit(code);
}

/* False where it has to be tried again after BACKOFF_MIN_MS. */
static bool slot_fill(struct master *master, struct slot *slot, const sigset_t *mask)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_run(master, slot, parent, mask);
    slot->ready = false;
    if (pid < 0) {
        log_error("cannot fork: %s", strerror(errno));
        slot->not_before = clock_mono_ms() + BACKOFF_MIN_MS;
        return false;
    }
    slot->pid = pid;
    return true;
}

/* Starts what is missing; how long until the next one may be started, -1 for no such wait. */
static int slots_fill(struct master *master, const sigset_t *mask)
{
    int wait_ms = -1;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = &master->slots[i];
        int64_t left = slot->not_before - clock_mono_ms();
        if (slot->pid != 0 || slot->given_up)
            continue;
        if (left <= 0 && !slot_fill(master, slot, mask))
            left = BACKOFF_MIN_MS;
        if (left > 0 && (wait_ms < 0 || left < wait_ms))
            wait_ms = (int)left;
    }
    return wait_ms;
}

/* A child that was ready is replaced at once; only one that never was waits longer each time. */
static void slot_ended(struct slot *slot, int status, bool expected)
{
    const char *name = role_names[slot->role];
    bool fatal = WIFEXITED(status) && WEXITSTATUS(status) == CHILD_EXIT_FATAL;
    if (fatal)
        log_error("%s %d cannot serve and is not started again: see its lines above", name,
                  slot->index);
    else if (WIFSIGNALED(status))
        log_warn("%s %d was killed by signal %d", name, slot->index, WTERMSIG(status));
    else if (!expected)
        log_warn("%s %d exited with %d", name, slot->index, WEXITSTATUS(status));
    slot->pid = 0;
    slot->given_up = fatal;
    slot->failures = slot->ready ? 0 : slot->failures + 1;
    if (slot->failures > 0) {
        int shift = slot->failures < 8 ? slot->failures - 1 : 7;
        int delay = BACKOFF_MIN_MS << shift;
        slot->not_before = clock_mono_ms() + (delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS);
    }
}

static void reap(struct master *master)
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < master->slot_count; i++)
            if (master->slots[i].pid == pid)
                slot_ended(&master->slots[i], status,
                           master->stage != RUNNING || WIFEXITED(status));
}

static void note_ready(struct master *master)
{
    pid_t pid;
    while (read(master->ready_pipe[0], &pid, sizeof pid) == sizeof pid)
        for (int i = 0; i < master->slot_count; i++)
            if (master->slots[i].pid == pid)
                master->slots[i].ready = true;
}

static int living(const struct master *master, bool hubs)
{
    int count = 0;
    for (int i = 0; i < master->slot_count; i++)
        count += master->slots[i].pid != 0 && (master->slots[i].role == ROLE_HUB) == hubs;
    return count;
}

/* With one of the roles gone for good the rest only looks alive: better to end, and be noticed. */
static bool role_given_up(const struct master *master)
{
    int left[ROLE_WORKER + 1] = {0};
    for (int i = 0; i < master->slot_count; i++)
        left[master->slots[i].role] += !master->slots[i].given_up;
    return left[ROLE_HUB] < master->conf->hubs || left[ROLE_AUTH] == 0 || left[ROLE_WORKER] == 0;
}

static void signal_children(const struct master *master, bool hubs, int signal)
{
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i].pid != 0 && (master->slots[i].role == ROLE_HUB) == hubs)
            kill(master->slots[i].pid, signal);
}

/* Workers first: the last polls they hand over are then still answered by a hub. */
static void end_step(struct master *master)
{
    if (master->stage == RUNNING) {
        log_info("ending");
        master->stage = ENDING_WORKERS;
        master->kill_at = clock_mono_ms() + END_PATIENCE_MS;
        signal_children(master, false, SIGTERM);
    }
    if (master->stage == ENDING_WORKERS && living(master, false) == 0) {
        master->stage = ENDING_HUBS;
        signal_children(master, true, SIGTERM);
    }
    if (clock_mono_ms() >= master->kill_at) {
        signal_children(master, false, SIGKILL);
        signal_children(master, true, SIGKILL);
    }
}

/* New keys, if they are good, and a new child for each old one. */
static void reload(struct master *master)
{
    struct token_keys *keys = NULL;
    if (token_keys_load(master->conf->jwt_keys_file, &keys) != 0) {
        log_error("not reloaded: going on with the old keys");
        return;
    }
    token_keys_free(master->keys);
    master->keys = keys;
    log_info("reloading");
    for (int i = 0; i < master->slot_count; i++)
        master->slots[i].given_up = false;
    signal_children(master, false, SIGTERM);
    signal_children(master, true, SIGTERM);
}

static void master_wait(const struct master *master, int wait_ms, const sigset_t *mask)
{
    struct pollfd ready = {.fd = master->ready_pipe[0], .events = POLLIN};
    if (master->stage != RUNNING)
        wait_ms = 100;
    const struct timespec timeout = {.tv_sec = wait_ms / 1000,
                                     .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    (void)ppoll(&ready, 1, wait_ms < 0 ? NULL : &timeout, mask);
}

static int supervise(struct master *master, const sigset_t *mask)
{
    for (;;) {
        int wait_ms = master->stage == RUNNING ? slots_fill(master, mask) : -1;
        master_wait(master, wait_ms, mask);
        note_ready(master);
        reap(master);
        if (got_hup && master->stage == RUNNING)
            reload(master);
        got_hup = 0;
        if (master->stage == RUNNING && role_given_up(master)) {
            log_error("no child of one kind can serve");
            master->exit_code = CHILD_EXIT_FATAL;
            got_term = 1;
        }
        if (got_term)
            end_step(master);
        int alive = living(master, true) + living(master, false);
        if (alive == 0 && master->stage != RUNNING)
            return master->exit_code;
    }
}

int master_main(const struct conf *conf)
{
    struct master master;
    sigset_t mask;
    signals_init(&mask);
    int err = master_init(&master, conf);
    if (err == 0) {
        setproctitle("master");
        log_info("serving with %d workers, %d hubs", conf->workers, conf->hubs);
        int code = supervise(&master, &mask);
        if (conf->app_socket[0] == '/')
            unlink(conf->app_socket);
        if (conf->auth_socket[0] == '/')
            unlink(conf->auth_socket);
        master_release(&master);
        return code;
    }
    return 1;
}
