pub async fn demo(
    _: &super::context::Context,
) -> Result<super::error::Exit, super::error::CliError> {
    Ok(super::error::Exit::Done)
}
