/* Gives a process, by LD_PRELOAD, what Linux makes of an SMB share: a lock is one of the server, so that no other
   descriptor reads or writes the file and nobody moves its folder, and inode numbers do not last. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FORBIDDEN(type, fd) (is_locked(fd, type) ? (errno = EACCES, 1) : 0)

/* Whether another open file description has a lock that excludes a read (F_RDLCK) or a write (F_WRLCK). */
static int is_locked(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    int before = errno;
    int is_held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    errno = before;
    return is_held;
}

int flock(int fd, int operation)
{
    struct flock lock = {.l_whence = SEEK_SET};
    lock.l_type = operation & LOCK_UN ? F_UNLCK : operation & LOCK_EX ? F_WRLCK : F_RDLCK;
    if (fcntl(fd, operation & LOCK_NB ? F_OFD_SETLK : F_OFD_SETLKW, &lock) == 0)
        return 0;
    if (errno == EAGAIN)
        errno = EACCES;
    return -1;
}

ssize_t read(int fd, void *buffer, size_t nbytes)
{
    return FORBIDDEN(F_RDLCK, fd) ? -1 : NEXT(read)(fd, buffer, nbytes);
}

ssize_t pread64(int fd, void *buffer, size_t nbytes, off64_t offset)
{
    return FORBIDDEN(F_RDLCK, fd) ? -1 : NEXT(pread64)(fd, buffer, nbytes, offset);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    return FORBIDDEN(F_RDLCK, fd) ? -1 : NEXT(preadv64v2)(fd, parts, count, offset, flags);
}

ssize_t write(int fd, const void *buffer, size_t nbytes)
{
    return FORBIDDEN(F_WRLCK, fd) ? -1 : NEXT(write)(fd, buffer, nbytes);
}

ssize_t pwrite64(int fd, const void *buffer, size_t nbytes, off64_t offset)
{
    return FORBIDDEN(F_WRLCK, fd) ? -1 : NEXT(pwrite64)(fd, buffer, nbytes, offset);
}

int ftruncate64(int fd, off64_t nbytes)
{
    return FORBIDDEN(F_WRLCK, fd) ? -1 : NEXT(ftruncate64)(fd, nbytes);
}

int posix_fallocate64(int fd, off64_t offset, off64_t nbytes)
{
    (void)fd, (void)offset, (void)nbytes;
    return EOPNOTSUPP;
}

int rename(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    int is_refused = 0;
    for (struct dirent *each; folder && (each = readdir(folder));) {
        int fd = openat(dirfd(folder), each->d_name, O_RDONLY | O_NONBLOCK);
        is_refused |= fd >= 0 && is_locked(fd, F_WRLCK);
        close(fd);
    }
    if (folder)
        closedir(folder);
    return is_refused ? (errno = EACCES, -1) : NEXT(rename)(from, to);
}

static int renumbered(int result, struct stat64 *status)
{
    static atomic_ulong count = 1;
    if (result == 0 && S_ISREG(status->st_mode))
        status->st_ino = ((ino64_t)getpid() << 32) + count++;
    return result;
}

int fstat64(int fd, struct stat64 *status)
{
    return renumbered(NEXT(fstat64)(fd, status), status);
}

int stat64(const char *path, struct stat64 *status)
{
    return renumbered(NEXT(stat64)(path, status), status);
}

int lstat64(const char *path, struct stat64 *status)
{
    return renumbered(NEXT(lstat64)(path, status), status);
}

int fstatat64(int folder, const char *path, struct stat64 *status, int flags)
{
    return renumbered(NEXT(fstatat64)(folder, path, status, flags), status);
}
