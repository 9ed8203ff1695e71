/* A library that is loaded before all others and injects a fault into the n-th change of a file below one folder.
 *
 *     FAULT_STATE=state.bin LD_PRELOAD=./shim.so program
 *
 * It counts the calls with which any library of the process changes files below a folder: create, write, fsync,
 * truncate, rename and remove. All processes of one command share the state, a file with the number of the call that
 * goes wrong, the kind of fault, and the number of calls so far. `shim.py` writes and reads it.
 *
 * Writes by stdio inside the C library (fopen, fwrite) and by mmap are not counted; Python, SQLite, Arrow and C++
 * streams use neither for the files here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT = 0, FAIL = 1, FAIL_FROM = 2, SHORT = 3, KILL_BEFORE = 4, KILL_AFTER = 5 };

struct state {
    long long calls;    /* calls so far */
    long long n;        /* the call that goes wrong, from 1 */
    int mode;
    int error;
    int armed;
    int fired;          /* number of calls that went wrong */
    char root[1024];    /* only calls below this folder count */
    char log[1024];     /* file to which each call is written; empty for none */
};

static struct state *state;

void fault_use(const char *path)
{
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    state = mapped == MAP_FAILED ? NULL : mapped;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_STATE");
    if (path) fault_use(path);
}

static int below(const char *path)
{
    size_t size = strlen(state->root);
    return size && !strncmp(path, state->root, size) && (path[size] == '/' || !path[size]);
}

static int absolute(int folder, const char *path, char *out)
{
    char base[PATH_MAX];
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    if (folder == AT_FDCWD) {
        if (syscall(SYS_getcwd, base, sizeof base) < 0) return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, base, sizeof base - 1);
        if (size < 0) return 0;
        base[size] = 0;
    }
    return snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static void note(long long number, const char *call, const char *path)
{
    char line[PATH_MAX + 64];
    int fd = syscall(SYS_openat, AT_FDCWD, state->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return;
    int size = snprintf(line, sizeof line, "%lld\t%s\t%s\n", number, call, path);
    syscall(SYS_write, fd, line, size);
    syscall(SYS_close, fd);
}

/* Returns the fate of this call: 0 for none, or the mode of its fault. `grows` marks calls that need space. */
static int fate(const char *call, const char *path, int grows)
{
    if (!state || !state->armed || !below(path)) return COUNT;
    long long number = __atomic_add_fetch(&state->calls, 1, __ATOMIC_SEQ_CST);
    if (state->log[0]) note(number, call, path);
    if (state->mode == FAIL_FROM ? number < state->n || !grows : number != state->n) return COUNT;
    if (state->mode == COUNT) return COUNT;
    __atomic_add_fetch(&state->fired, 1, __ATOMIC_SEQ_CST);
    if (state->mode == KILL_BEFORE) syscall(SYS_kill, getpid(), SIGKILL);
    return state->mode;
}

static int fate_of_path(const char *call, int folder, const char *path, int grows)
{
    char whole[PATH_MAX];
    if (!state || !state->armed || !absolute(folder, path, whole)) return COUNT;
    return fate(call, whole, grows);
}

static int fate_of_fd(const char *call, int fd, int grows)
{
    char link[64], path[PATH_MAX];
    if (!state || !state->armed) return COUNT;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return COUNT;
    path[size] = 0;
    return fate(call, path, grows);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAILS(fate) ((fate) == FAIL || (fate) == FAIL_FROM)
#define ENDING(type, fate, call) do { \
    int _fate = (fate); \
    if (FAILS(_fate)) { errno = state->error; return -1; } \
    type _done = (call); \
    if (_fate == KILL_AFTER) syscall(SYS_kill, getpid(), SIGKILL); \
    return _done; \
} while (0)

/* Only an open that creates or truncates a file is a change. */
static int fate_of_open(int folder, const char *path, int flags)
{
    struct stat found;
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_PATH)) return COUNT;
    if (!state || !state->armed) return COUNT;
    int there = !fstatat(folder, path, &found, 0);
    if (there && !((flags & O_TRUNC) && found.st_size)) return COUNT;
    return fate_of_path("open", folder, path, 1);
}

#define OPEN(name) \
int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest); \
    REAL(name); \
    ENDING(int, fate_of_open(AT_FDCWD, path, flags), real(path, flags, mode)); \
}
#define OPENAT(name) \
int name(int folder, const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest); \
    REAL(name); \
    ENDING(int, fate_of_open(folder, path, flags), real(folder, path, flags, mode)); \
}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define WRITING(type, fd, size, whole, half) do { \
    int fate_ = fate_of_fd("write", fd, 1); \
    if (FAILS(fate_)) { errno = state->error; return -1; } \
    type done_ = fate_ == SHORT && (size) > 1 ? (half) : (whole); \
    if (fate_ == KILL_AFTER) syscall(SYS_kill, getpid(), SIGKILL); \
    return done_; \
} while (0)

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    WRITING(ssize_t, fd, size, real(fd, data, size), real(fd, data, size / 2));
}

#define PWRITE(name, offset_type) \
ssize_t name(int fd, const void *data, size_t size, offset_type at) { \
    REAL(name); \
    WRITING(ssize_t, fd, size, real(fd, data, size, at), real(fd, data, size / 2, at)); \
}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    WRITING(ssize_t, fd, count, real(fd, parts, count), real(fd, parts, count / 2));
}

#define SENDFILE(name, offset_type) \
ssize_t name(int out, int in, offset_type *at, size_t size) { \
    REAL(name); \
    WRITING(ssize_t, out, size, real(out, in, at, size), real(out, in, at, size / 2)); \
}
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags)
{
    REAL(copy_file_range);
    WRITING(ssize_t, out, size, real(in, from, out, to, size, flags), real(in, from, out, to, size / 2, flags));
}

int fsync(int fd) { REAL(fsync); ENDING(int, fate_of_fd("fsync", fd, 0), real(fd)); }
int fdatasync(int fd) { REAL(fdatasync); ENDING(int, fate_of_fd("fsync", fd, 0), real(fd)); }
int ftruncate(int fd, off_t size) { REAL(ftruncate); ENDING(int, fate_of_fd("truncate", fd, 0), real(fd, size)); }
int ftruncate64(int fd, off64_t size)
{
    REAL(ftruncate64);
    ENDING(int, fate_of_fd("truncate", fd, 0), real(fd, size));
}
int rename(const char *from, const char *to)
{
    REAL(rename);
    ENDING(int, fate_of_path("rename", AT_FDCWD, to, 0), real(from, to));
}
int renameat(int a, const char *from, int b, const char *to)
{
    REAL(renameat);
    ENDING(int, fate_of_path("rename", b, to, 0), real(a, from, b, to));
}
int unlink(const char *path) { REAL(unlink); ENDING(int, fate_of_path("unlink", AT_FDCWD, path, 0), real(path)); }
int unlinkat(int folder, const char *path, int flags)
{
    REAL(unlinkat);
    ENDING(int, fate_of_path("unlink", folder, path, 0), real(folder, path, flags));
}
int rmdir(const char *path) { REAL(rmdir); ENDING(int, fate_of_path("unlink", AT_FDCWD, path, 0), real(path)); }
int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    struct stat found;
    /* An existing folder is not a change. */
    ENDING(int, stat(path, &found) ? fate_of_path("mkdir", AT_FDCWD, path, 1) : COUNT, real(path, mode));
}
int symlink(const char *to, const char *path)
{
    REAL(symlink);
    ENDING(int, fate_of_path("symlink", AT_FDCWD, path, 1), real(to, path));
}
int link(const char *from, const char *to)
{
    REAL(link);
    ENDING(int, fate_of_path("link", AT_FDCWD, to, 1), real(from, to));
}
