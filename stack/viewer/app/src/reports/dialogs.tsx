/** What cannot be undone is asked before: signing, giving to read, amending. */
import { useId, useState, type ReactElement, type ReactNode } from 'react';
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';

interface AskProps {
  button: string;
  primary?: boolean;
  title: string;
  /** What the person is told. */
  children: ReactNode;
  /** What stands in the way; empty for nothing. */
  missing?: readonly string[];
  /** Asked for as well: the label of a text. */
  reason?: string;
  confirm: string;
  /** @throws Error whose message is shown */
  act: (reason: string) => Promise<void>;
}

export function Ask({ button, primary = false, ...rest }: AskProps): ReactElement {
  const [open, setOpen] = useState(false);
  const close = (): void => {
    setOpen(false);
  };
  return (
    <>
      {/* The library's own buttons bring a style element along, which the policy of these pages refuses. */}
      <button
        type="button"
        className={primary ? 'button primary' : 'button'}
        aria-haspopup="dialog"
        onClick={() => {
          setOpen(true);
        }}
      >
        {button}
      </button>
      <ModalOverlay className="report-overlay" isDismissable isOpen={open} onOpenChange={setOpen}>
        <Modal className="report-modal">
          <Dialog className="report-dialog">
            <Question {...rest} close={close} />
          </Dialog>
        </Modal>
      </ModalOverlay>
    </>
  );
}

type QuestionProps = Omit<AskProps, 'button' | 'primary'> & { close: () => void };

function Question({ title, children, missing = [], reason, confirm, act, close }: QuestionProps): ReactElement {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const id = useId();
  const go = (): void => {
    setBusy(true);
    setTrouble(null);
    act(text.trim()).then(close, (error: unknown) => {
      setBusy(false);
      setTrouble(error instanceof Error ? error.message : 'This could not be done.');
    });
  };
  return (
    <>
      <Heading slot="title">{title}</Heading>
      {children}
      {missing.length === 0 ? null : (
        <>
          <p>
            <strong>Before that:</strong>
          </p>
          <ul>
            {missing.map((it) => (
              <li key={it}>{it}</li>
            ))}
          </ul>
        </>
      )}
      {reason === undefined ? null : (
        <p className="report-field">
          <label htmlFor={id}>{reason}</label>
          <input
            id={id}
            value={text}
            maxLength={500}
            required
            autoComplete="off"
            onChange={({ target }) => {
              setText(target.value);
            }}
          />
        </p>
      )}
      {trouble === null ? null : (
        <p className="failed" role="alert">
          {trouble}
        </p>
      )}
      <p className="report-buttons">
        <button
          type="button"
          className="button primary"
          disabled={busy || missing.length > 0 || (reason !== undefined && text.trim() === '')}
          onClick={go}
        >
          {busy ? 'One moment …' : confirm}
        </button>
        <button type="button" className="button" onClick={close}>
          Cancel
        </button>
      </p>
    </>
  );
}
