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
#include "common/listen.h"
#include "common/log.h"
#include "common/memory.h"
#include "handoff.h"
#include "handover.h"
#include "hub.h"
#include "slots.h"
#include "worker.h"

enum {
    END_PATIENCE_MS = 10000,
    CHECK_PATIENCE_MS = 15000,
    AUTH_NICE = 10,
};

/* Shutting down only gets stronger. */
enum stage { RUNNING, ENDING_WORKERS, ENDING_HUBS };

/* So does the end of the old children: they serve until all of ours are ready. */
enum change { UNCHANGING, CHANGE_FAILED, CHANGING, CHANGING_WORKERS, CHANGING_HUBS };

struct master {
    const struct conf *conf;
    const char *program;
    struct token_keys *keys;
    struct redis_address redis_address;
    struct identity identity;
    struct handover_socket sockets[HANDOVER_SOCKETS]; /* by enum pool */
    struct listen_file files[HANDOVER_SOCKETS];
    int ready_pipe[2];
    int (*hub_pairs)[2]; /* [0] the workers' end, [1] the hub's */
    int *hub_fds;        /* the workers' ends again, as children want them */
    struct slots slots;
    enum stage stage;
    enum change change;
    int64_t kill_at;
    pid_t check_pid; /* of the program that looks whether it could replace us; 0: none */
    int64_t check_until;
    bool check_passed;
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
    /* Whoever executed us may have blocked them already. */
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        sigdelset(ret_mask, handled[i]);
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

/* What was not handed over. */
static int sockets_open(struct master *master)
{
    static const char *const keys[] = {"PERCH_APP_SOCKET", "PERCH_AUTH_SOCKET"};
    const char *places[] = {master->conf->app_socket, master->conf->auth_socket};
    int err = 0;
    for (int pool = POOL_APP; err == 0 && pool <= POOL_AUTH; pool++) {
        struct handover_socket *socket = &master->sockets[pool];
        if (socket->fd < 0) {
            err = listen_open(keys[pool], places[pool], master->conf->socket_group, &socket->fd);
            socket->own = err == 0;
        }
        if (socket->own)
            master->files[pool] = listen_file(socket->fd);
    }
    return err;
}

static void sockets_end(const struct master *master)
{
    for (int pool = POOL_APP; pool <= POOL_AUTH; pool++)
        if (master->sockets[pool].own)
            listen_end(master->sockets[pool].fd, &master->files[pool]);
}

static int master_init(struct master *master, const struct conf *conf, const char *program)
{
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int auth_workers = conf->auth_workers > 0 ? conf->auth_workers : cores > 3 ? cores / 2 : 1;
    const int wanted[ROLES] = {
        [ROLE_HUB] = conf->hubs, [ROLE_AUTH] = auth_workers, [ROLE_WORKER] = conf->workers};
    struct handover before;
    *master = (struct master){.conf = conf, .program = program};
    raise_descriptor_limit();
    int err = handover_take(&before);
    memcpy(master->sockets, before.sockets, sizeof master->sockets);
    if (err == 0)
        err = redis_address_parse(conf->redis_url, &master->redis_address);
    if (err == 0)
        err = child_identity_find(conf, &master->identity);
    if (err == 0)
        err = token_keys_load(conf->jwt_keys_file, &master->keys);
    if (err == 0)
        err = sockets_open(master);
    if (err == 0)
        err = hubs_init(master);
    if (err == 0 && pipe2(master->ready_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        err = ERR_INTERNAL;
    slots_init(&master->slots, wanted, &before);
    if (before.child_count > 0)
        master->change = CHANGING;
    if (err != 0)
        sockets_end(master);
    handover_release(&before);
    return err;
}

static void master_release(struct master *master)
{
    token_keys_free(master->keys);
    slots_release(&master->slots);
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
        .master = parent,
        .own_sockets = {master->sockets[POOL_APP].own, master->sockets[POOL_AUTH].own},
        .files = {master->files[POOL_APP], master->files[POOL_AUTH]},
        .hub_count = master->conf->hubs,
        .hub_fds = master->hub_fds,
    };
    const struct sigaction initial = {.sa_handler = SIG_DFL};
    enum log_level level = LOG_LEVEL_INFO;
    int code = CHILD_EXIT_FATAL;
    enum pool pool = slot->role == ROLE_AUTH ? POOL_AUTH : POOL_APP;
    sigaction(SIGCHLD, &initial, NULL);
    if (log_level_parse(master->conf->log_level, &level) == 0)
        log_open(role_names[slot->role], level);
    setproctitle("%s %d", role_names[slot->role], slot->index);
    close(master->ready_pipe[0]);
    if (slot->role == ROLE_HUB) {
        token_keys_free(master->keys);
        close(master->sockets[POOL_APP].fd);
        close(master->sockets[POOL_AUTH].fd);
    }
    /* A flood of log-ins takes the processor time that messages leave. */
    if (slot->role == ROLE_AUTH)
        (void)setpriority(PRIO_PROCESS, 0, AUTH_NICE);
    if (child_identity_assume(&master->identity) != 0)
        _exit(CHILD_EXIT_FATAL);
    /* Without a master nobody would replace or end this process. After the change of user, which
     * resets it. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(0);
    if (slot->role == ROLE_HUB)
        code = hub_main(&child, master->hub_pairs[slot->index][1], mask);
    else
        code = worker_main(&child, pool, master->sockets[pool].fd, mask);
    exit(code);
}

/* False where it has to be tried again after SLOT_BACKOFF_MIN_MS. */
static bool slot_fill(struct master *master, struct slot *slot, const sigset_t *mask)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_run(master, slot, parent, mask);
    slot->ready = false;
    if (pid < 0) {
        log_error("cannot fork: %s", strerror(errno));
        slot->not_before = clock_mono_ms() + SLOT_BACKOFF_MIN_MS;
        return false;
    }
    slot->pid = pid;
    return true;
}

/* Starts what is missing; how long until the next one may be started, -1 for no such wait. */
static int slots_fill(struct master *master, const sigset_t *mask)
{
    int wait_ms = -1;
    for (int i = 0; i < master->slots.count; i++) {
        struct slot *slot = &master->slots.all[i];
        int64_t left = slot->not_before - clock_mono_ms();
        if (slot->pid != 0 || slot->given_up || slot->old)
            continue;
        if (left <= 0 && !slot_fill(master, slot, mask))
            left = SLOT_BACKOFF_MIN_MS;
        if (left > 0 && (wait_ms < 0 || left < wait_ms))
            wait_ms = (int)left;
    }
    return wait_ms;
}

static void reap(struct master *master)
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        slots_note_end(&master->slots, pid, status, master->stage != RUNNING);
        if (pid != master->check_pid)
            continue;
        master->check_pid = 0;
        master->check_passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!master->check_passed)
            log_error("%s could not serve, see the lines above: going on as before",
                      master->program);
    }
}

static void note_ready(struct master *master)
{
    pid_t pid;
    while (read(master->ready_pipe[0], &pid, sizeof pid) == sizeof pid)
        slots_note_ready(&master->slots, pid);
}

static int living(const struct master *master, bool only_old)
{
    return slots_living(&master->slots, SLOTS_WORKERS, only_old) +
           slots_living(&master->slots, SLOTS_HUBS, only_old);
}

/* Only those whose end was asked for: hubs have people to send home, however late a worker is. */
static void kill_late(const struct master *master, enum slots_kind kind, bool only_old)
{
    if (clock_mono_ms() >= master->kill_at)
        slots_signal(&master->slots, kind, only_old, SIGKILL);
}

/* Workers first: the last polls they hand over are then still answered by a hub. Before them the
 * door: whom nginx has connected by then is served, the others it can send elsewhere. */
static void end_step(struct master *master)
{
    if (master->stage == RUNNING) {
        log_info("ending");
        master->stage = ENDING_WORKERS;
        master->kill_at = clock_mono_ms() + END_PATIENCE_MS;
        sockets_end(master);
        slots_signal(&master->slots, SLOTS_WORKERS, false, SIGTERM);
    }
    if (master->stage == ENDING_WORKERS &&
        slots_living(&master->slots, SLOTS_WORKERS, false) == 0) {
        master->stage = ENDING_HUBS;
        master->kill_at = clock_mono_ms() + END_PATIENCE_MS;
        slots_signal(&master->slots, SLOTS_HUBS, false, SIGTERM);
    }
    kill_late(master, master->stage == ENDING_WORKERS ? SLOTS_WORKERS : SLOTS_HUBS, false);
}

/* The same for the children of the program that was here before, once there are others. */
static void change_step(struct master *master)
{
    if (master->change == CHANGING && slots_are_ready(&master->slots)) {
        master->change = CHANGING_WORKERS;
        master->kill_at = clock_mono_ms() + END_PATIENCE_MS;
        slots_signal(&master->slots, SLOTS_WORKERS, true, SIGQUIT);
    }
    if (master->change == CHANGING_WORKERS &&
        slots_living(&master->slots, SLOTS_WORKERS, true) == 0) {
        master->change = CHANGING_HUBS;
        master->kill_at = clock_mono_ms() + END_PATIENCE_MS;
        slots_signal(&master->slots, SLOTS_HUBS, true, SIGTERM);
    }
    if (master->change == CHANGING_HUBS && living(master, true) == 0) {
        master->change = UNCHANGING;
        log_info("changed over");
    }
    if (master->change >= CHANGING_WORKERS)
        kill_late(master, master->change == CHANGING_WORKERS ? SLOTS_WORKERS : SLOTS_HUBS, true);
}

/* HUP: what lies in the place of our program is looked at first, in a process of its own. */
static void change_begin(struct master *master, const sigset_t *mask)
{
    log_info("changing over to %s", master->program);
    pid_t pid = handover_check(master->program, mask);
    master->check_pid = pid > 0 ? pid : 0;
    master->check_until = clock_mono_ms() + CHECK_PATIENCE_MS;
}

/* Becomes that program. What is here still after it could not be executed, and goes on. */
static void change_over(struct master *master)
{
    struct handover handover = {0};
    memcpy(handover.sockets, master->sockets, sizeof handover.sockets);
    handover.children = memory_new((size_t)master->slots.count * sizeof *handover.children);
    for (int i = 0; i < master->slots.count; i++) {
        const struct slot *slot = &master->slots.all[i];
        if (slot->pid != 0)
            handover.children[handover.child_count++] =
                (struct handover_child){.pid = slot->pid, .role = role_names[slot->role][0]};
    }
    handover_execute(master->program, &handover);
    handover_release(&handover);
}

static void change_look(struct master *master, const sigset_t *mask)
{
    if (master->check_pid != 0 && clock_mono_ms() >= master->check_until)
        kill(master->check_pid, SIGKILL);
    /* After one more HUP another file may lie there than the one that was looked at. */
    if (got_hup && master->check_pid == 0) {
        got_hup = 0;
        change_begin(master, mask);
    } else if (master->check_passed) {
        change_over(master);
    }
    master->check_passed = false;
    change_step(master);
}

/* Better to end, and be noticed, than to look alive; but not while the old children serve. */
static void give_up_look(struct master *master)
{
    if (!slots_have_given_up(&master->slots))
        return;
    if (slots_living(&master->slots, SLOTS_WORKERS, true) == 0 ||
        slots_lost_old_hub(&master->slots)) {
        log_error("no child of one kind can serve");
        master->exit_code = CHILD_EXIT_FATAL;
        got_term = 1;
    } else if (master->change == CHANGING) {
        master->change = CHANGE_FAILED;
        log_error("the new children cannot serve: the old ones go on until the next HUP");
    }
}

static void master_wait(const struct master *master, int wait_ms, const sigset_t *mask)
{
    struct pollfd ready = {.fd = master->ready_pipe[0], .events = POLLIN};
    if (master->stage != RUNNING || master->change >= CHANGING_WORKERS || master->check_pid != 0)
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
        if (master->stage == RUNNING && got_term == 0)
            change_look(master, mask);
        if (master->stage == RUNNING)
            give_up_look(master);
        if (got_term)
            end_step(master);
        if (living(master, false) == 0 && master->stage != RUNNING)
            return master->exit_code;
    }
}

int master_main(const struct conf *conf, const char *program)
{
    struct master master;
    sigset_t mask;
    signals_init(&mask);
    int code = 1;
    if (master_init(&master, conf, program) == 0) {
        setproctitle("master");
        log_info("serving with %d workers, %d hubs", conf->workers, conf->hubs);
        code = supervise(&master, &mask);
    }
    master_release(&master);
    return code;
}
