-- Records a finished run in the audit table of the database.
INSERT INTO public.console_audit (run, action, subject, os_user, origin, outcome, message, started_at, seconds,
                                  statements, undo)
VALUES (%(run)s, %(action)s, %(subject)s, %(os_user)s, %(origin)s, %(outcome)s, %(message)s, %(started_at)s,
        %(seconds)s,
        %(statements)s, %(undo)s)
